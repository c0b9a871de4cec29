package authentication_test

import (
	"crypto/tls"
	"errors"
	"slices"
	"testing"

	"github.com/depeche-mail/depeche/transport/smtp/authentication"
	"github.com/google/go-cmp/cmp"
)

const secret = "s3cret/pass"

// must returns a value whose making must not fail; it is used in table rows.
func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func credentials() authentication.Credentials { return must(authentication.Password("user", secret)) }

// offer is a session over TLS, or without.
func offer(encrypted bool, names ...string) authentication.Session {
	s := authentication.Session{Offered: names, Host: "mx.example.org", Port: 587}
	if encrypted {
		s.TLS = &tls.ConnectionState{Version: tls.VersionTLS12} // nothing to bind to
	}
	return s
}

// insecure is a session without TLS whose caller allows a login in clear.
func insecure(names ...string) authentication.Session {
	s := offer(false, names...)
	s.Insecure = true
	return s
}

func TestChoose(t *testing.T) {
	c := credentials()
	bearer := must(authentication.Token("user", "tok"))
	other := func(name string) authentication.MechanismFunc {
		return func(authentication.Session) authentication.Mechanism { return &vanity{name: name} }
	}
	custom := must(authentication.Custom("user", other("X-ONE"), other("X-TWO")))
	cases := map[string]struct {
		credentials authentication.Credentials
		session     authentication.Session
		want        []string
		kind        authentication.Kind
	}{
		"from the strongest on": {
			c, offer(true, "LOGIN", "PLAIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512", "NTLM"),
			[]string{"SCRAM-SHA-512", "SCRAM-SHA-256", "SCRAM-SHA-1", "CRAM-MD5", "PLAIN", "LOGIN"},
			0,
		},
		"no channel to bind to":      {c, insecure("SCRAM-SHA-1-PLUS", "SCRAM-SHA-1"), []string{"SCRAM-SHA-1"}, 0},
		"no certificate to bind to":  {c, offer(true, "SCRAM-SHA-1-PLUS", "PLAIN"), []string{"PLAIN"}, 0},
		"nothing offered":            {c, offer(true), nil, authentication.KindNotOffered},
		"only unknown ones":          {c, offer(true, "GSSAPI"), nil, authentication.KindNoMechanism},
		"no TLS":                     {c, offer(false, "PLAIN", "LOGIN"), nil, authentication.KindNeedsTLS},
		"challenges show too much":   {c, offer(false, "CRAM-MD5", "SCRAM-SHA-256"), nil, authentication.KindNeedsTLS},
		"allowed by name":            {c, insecure("PLAIN", "CRAM-MD5", "LOGIN"), []string{"CRAM-MD5", "PLAIN", "LOGIN"}, 0},
		"a certificate in clear":     {must(authentication.External("")), offer(false, "EXTERNAL"), []string{"EXTERNAL"}, 0},
		"a name that only contains":  {c, offer(true, "PLAIN-CLIENTTOKEN"), nil, authentication.KindNoMechanism},
		"token":                      {bearer, offer(true, "XOAUTH2", "OAUTHBEARER", "PLAIN"), []string{"OAUTHBEARER", "XOAUTH2"}, 0},
		"a token needs TLS":          {bearer, offer(false, "XOAUTH2"), nil, authentication.KindNeedsTLS},
		"a token, not a password":    {bearer, offer(true, "PLAIN", "LOGIN"), nil, authentication.KindNoMechanism},
		"certificate":                {must(authentication.External("")), offer(true, "PLAIN", "EXTERNAL"), []string{"EXTERNAL"}, 0},
		"nobody":                     {must(authentication.Anonymous("")), offer(false, "ANONYMOUS"), []string{"ANONYMOUS"}, 0},
		"only one":                   {must(c.WithMechanisms("LOGIN")), offer(true, "PLAIN", "LOGIN"), []string{"LOGIN"}, 0},
		"only one that is not there": {must(c.WithMechanisms("LOGIN")), offer(true, "PLAIN"), nil, authentication.KindNoMechanism},
		"acting as another user":     {must(c.WithAuthorizationID("boss")), offer(true, "CRAM-MD5", "PLAIN", "LOGIN"), []string{"PLAIN"}, 0},
		"one's own, in one's order":  {custom, offer(true, "X-TWO", "X-ONE", "PLAIN"), []string{"X-ONE", "X-TWO"}, 0},
		"one's own shows a password": {custom, offer(false, "X-TWO"), nil, authentication.KindNeedsTLS},
		"no credentials":             {authentication.Credentials{}, offer(true, "PLAIN"), nil, authentication.KindNotOffered},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			list, err := authentication.Choose(tc.credentials, tc.session)
			var got []string
			for _, m := range list {
				got = append(got, m.Name())
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
			wantKind(t, err, tc.kind)
		})
	}
}

// wantKind fails unless err is an *Error of a kind; 0 is for none.
func wantKind(t *testing.T, err error, kind authentication.Kind) {
	t.Helper()
	failed, ok := errors.AsType[*authentication.Error](err)
	switch {
	case kind == 0 && err != nil:
		t.Errorf("failed: %v", err)
	case kind != 0 && (!ok || failed.Kind != kind):
		t.Errorf("got %v, want %v", err, kind)
	}
}

// vanity is a mechanism of a caller's own.
type vanity struct{ name string }

func (v *vanity) Name() string              { return v.name }
func (*vanity) Plaintext() bool             { return true }
func (*vanity) Done() bool                  { return true }
func (*vanity) Start() ([]byte, error)      { return nil, nil }
func (*vanity) Next([]byte) ([]byte, error) { return nil, errors.New("no") }

// step is a challenge and what answers it; "start" is the initial response, "nil" that there is none.
type step struct{ challenge, want string }

// TestExchanges says what the simple mechanisms send, and that all of them give up when the server
// goes on to ask.
func TestExchanges(t *testing.T) {
	c := credentials()
	bearer := must(authentication.Token("a,b=c", "tok"))
	for name, tc := range map[string]struct {
		credentials authentication.Credentials
		mechanism   string
		steps       []step
	}{
		"PLAIN":         {c, "PLAIN", []step{{"start", "\x00user\x00" + secret}}},
		"PLAIN, acting": {must(c.WithAuthorizationID("boss")), "PLAIN", []step{{"start", "boss\x00user\x00" + secret}}},
		"LOGIN":         {c, "LOGIN", []step{{"start", "nil"}, {"Username:", "user"}, {"Password:", secret}}},
		"LOGIN, other prompts": {
			c, "LOGIN", []step{{"start", "nil"}, {"User Name\x00", "user"}, {"", secret}},
		},
		"CRAM-MD5, RFC 2195 section 2": {
			must(authentication.Password("tim", "tanstaaftanstaaf")), "CRAM-MD5",
			[]step{{"start", "nil"}, {"<1896.697170952@postoffice.reston.mci.net>", "tim b913a602c7eda7a495b4e6e7334d3890"}},
		},
		"OAUTHBEARER": {bearer, "OAUTHBEARER", []step{{
			"start", "n,a=a=2Cb=3Dc,\x01host=mx.example.org\x01port=587\x01auth=Bearer tok\x01\x01",
		}}},
		"XOAUTH2":           {bearer, "XOAUTH2", []step{{"start", "user=a,b=c\x01auth=Bearer tok\x01\x01"}}},
		"EXTERNAL":          {must(authentication.External("")), "EXTERNAL", []step{{"start", ""}}},
		"EXTERNAL, acting":  {must(authentication.External("boss")), "EXTERNAL", []step{{"start", "boss"}}},
		"ANONYMOUS":         {must(authentication.Anonymous("me@example.org")), "ANONYMOUS", []step{{"start", "me@example.org"}}},
		"ANONYMOUS, silent": {must(authentication.Anonymous("")), "ANONYMOUS", []step{{"start", ""}}},
	} {
		t.Run(name, func(t *testing.T) {
			m := must(authentication.Choose(tc.credentials, offer(true, tc.mechanism)))[0]
			for i, s := range tc.steps {
				ask := m.Start
				if i > 0 {
					ask = func() ([]byte, error) { return m.Next([]byte(s.challenge)) }
				}
				answer, err := ask()
				text := string(answer)
				if answer == nil {
					text = "nil"
				}
				if text != s.want || err != nil {
					t.Errorf("%q is answered with %q, %v; want %q", s.challenge, text, err, s.want)
				}
				if last := i == len(tc.steps)-1; m.Done() != last {
					t.Errorf("done is %v after %q", m.Done(), s.challenge)
				}
			}
			if slices.Contains([]string{"OAUTHBEARER", "XOAUTH2"}, tc.mechanism) {
				return // a challenge is an error that they take
			}
			answer, err := m.Next([]byte("more"))
			if wantKind(t, err, authentication.KindEndless); answer != nil {
				t.Errorf("a further challenge was answered with %q", answer)
			}
		})
	}
}

// reported is what a mechanism says of its failure.
func reported(m authentication.Mechanism) (why *authentication.Error, known bool) {
	return m.(authentication.FailureReporter).Failure()
}

// TestBearerErrors holds what a server's error in a challenge becomes.
func TestBearerErrors(t *testing.T) {
	for name, tc := range map[string]struct {
		mechanism, challenge, answer string
		want                         authentication.BearerError
	}{
		"OAUTHBEARER": {
			"OAUTHBEARER", `{"status":"invalid_token","schemes":"bearer","scope":"mail","openid-configuration":"https://id.example.org/c"}`, "\x01",
			authentication.BearerError{Status: "invalid_token", Schemes: "bearer", Scope: "mail", Configuration: "https://id.example.org/c"},
		},
		"XOAUTH2":     {"XOAUTH2", `{"status":"401","schemes":"Bearer","scope":"mail"}`, "", authentication.BearerError{Status: "401", Schemes: "Bearer", Scope: "mail"}},
		"an echo":     {"XOAUTH2", `{"status":"what is tok-1234"}`, "", authentication.BearerError{Status: "what is ***"}},
		"not JSON":    {"XOAUTH2", `tok-1234`, "", authentication.BearerError{}},
		"other types": {"XOAUTH2", `{"status":401,"scope":"mail"}`, "", authentication.BearerError{}},
		"nothing":     {"OAUTHBEARER", "", "\x01", authentication.BearerError{}},
	} {
		t.Run(name, func(t *testing.T) {
			c := must(authentication.Token("user", "tok-1234"))
			m := must(authentication.Choose(c, offer(true, tc.mechanism)))[0]
			must(m.Start())
			answer, err := m.Next([]byte(tc.challenge))
			if string(answer) != tc.answer || answer == nil || err != nil {
				t.Errorf("answered with %q, %v; want %q", answer, err, tc.answer)
			}
			if m.Done() {
				t.Error("done in spite of the error")
			}
			why, known := reported(m)
			if !known {
				t.Fatal("no explanation")
			}
			wantKind(t, why, authentication.KindRejected)
			got, _ := errors.AsType[*authentication.BearerError](why)
			if diff := cmp.Diff(&tc.want, got); diff != "" {
				t.Error(diff)
			}
			_, err = m.Next(nil)
			wantKind(t, err, authentication.KindEndless)
		})
	}
}

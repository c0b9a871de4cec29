package smtp_test

import (
	"context"
	"crypto/tls"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/smtp"
	"github.com/depeche-mail/depeche/transport/smtp/authentication"
	"github.com/depeche-mail/depeche/transport/smtp/client"
	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
	"github.com/emersion/go-sasl"
	"github.com/google/go-cmp/cmp"
)

// identity returns credentials for a mechanism, with the right secret or another one. A source is asked
// for it as well as anything.
func identity(t *testing.T, mechanism, secret string) authentication.Credentials {
	t.Helper()
	source := func(context.Context) (string, error) { return secret, nil }
	var c authentication.Credentials
	var err error
	switch mechanism {
	case "XOAUTH2", "OAUTHBEARER":
		c, err = authentication.TokenFrom(smtptest.User, source)
	case "EXTERNAL":
		c, err = authentication.External("")
	case "ANONYMOUS":
		c, err = authentication.Anonymous("me@example.org")
	default:
		c, err = authentication.PasswordFrom(smtptest.User, source)
	}
	if err != nil {
		t.Fatal(err)
	}
	return c
}

const accessToken = "ya29.a0AfH6SMBx-token_with.dots~and-more"

func secretOf(mechanism string) string {
	if slices.Contains([]string{"XOAUTH2", "OAUTHBEARER"}, mechanism) {
		return accessToken
	}
	return smtptest.Password
}

// mechanismServer offers some mechanisms of everyMechanism over a version of TLS, 0 for none.
func mechanismServer(t *testing.T, version uint16, names ...string) (*smtptest.Server, smtp.Builder) {
	t.Helper()
	leaf := &atomic.Pointer[[]byte]{}
	all := everyMechanism(leaf)
	srv := smtptest.NewUnstartedServer(t)
	srv.Config.RequireAuth = true
	srv.Config.Mechanisms = map[string]smtptest.Mechanism{}
	for _, name := range names {
		srv.Config.Mechanisms[name] = all[name]
		srv.Config.Users = map[string]string{smtptest.User: secretOf(name)}
	}
	if version == 0 {
		srv.Config.Security = smtptest.Plaintext
		srv.Start()
		return srv, smtp.DangerousPlaintext(srv.Host()).Port(srv.Port()).DangerousPlaintextAuth()
	}
	srv.Config.TLS = &tls.Config{MinVersion: version, MaxVersion: version, ClientAuth: tls.RequestClientCert}
	srv.Start()
	config := srv.ClientTLS()
	config.VerifyConnection = func(state tls.ConnectionState) error {
		leaf.Store(&state.PeerCertificates[0].Raw)
		return nil
	}
	return srv, smtp.StartTLSRelay(srv.Host()).Port(srv.Port()).TLSConfig(config).ClientCertificate(clientCertificate(t))
}

// TestEveryMechanism logs in by each of them, over each kind of connection that it runs on.
func TestEveryMechanism(t *testing.T) {
	for _, name := range slices.Sorted(maps.Keys(everyMechanism(nil))) {
		for version, label := range map[uint16]string{0: "clear", tls.VersionTLS12: "TLS 1.2", tls.VersionTLS13: "TLS 1.3"} {
			if version == 0 && (strings.HasSuffix(name, "-PLUS") || name == "EXTERNAL") {
				continue
			}
			t.Run(name+" "+label, func(t *testing.T) {
				srv, b := mechanismServer(t, version, name)
				sender := build(t, b.Credentials(identity(t, name, secretOf(name))))
				result, err := sender.Send(t.Context(), mail(t, "b@example.org"))
				if err != nil || !result.AllAccepted() {
					t.Fatalf("%v\n%s", err, srv.Sessions()[0])
				}
				if diff := cmp.Diff(smtptest.User, srv.Sessions()[0].User); diff != "" {
					t.Error(diff)
				}
			})
		}
	}
}

// TestWrongSecret holds that a server's no is final for each mechanism: no other mechanism is tried with
// the same secret, and no mail is named.
func TestWrongSecret(t *testing.T) {
	for _, name := range slices.Sorted(maps.Keys(everyMechanism(nil))) {
		if name == "EXTERNAL" || name == "ANONYMOUS" {
			continue // there is no secret
		}
		t.Run(name, func(t *testing.T) {
			srv, b := mechanismServer(t, tls.VersionTLS13, name, "LOGIN", "XOAUTH2")
			sender := build(t, b.Credentials(identity(t, name, "wrong-"+secretOf(name))))
			for range 3 {
				wantLoginError(t, sender, authentication.KindRejected)
			}
			total := 0
			for _, s := range srv.Sessions() {
				total += s.Count("AUTH")
				if s.Count("MAIL") > 0 {
					t.Error("MAIL without a login")
				}
			}
			if total != 1 || len(srv.Sessions()) != 1 {
				t.Errorf("%d tries on %d connections, want one on one", total, len(srv.Sessions()))
			}
		})
	}
}

// wantLoginError sends and wants a failed login of a kind, with nothing sent.
func wantLoginError(t *testing.T, sender *smtp.Transport, kind authentication.Kind) error {
	t.Helper()
	result, err := sender.Send(t.Context(), mail(t, "b@example.org"))
	why, ok := errors.AsType[*authentication.Error](err)
	if !ok || why.Kind != kind {
		t.Errorf("got %v, want: %v", err, kind)
	}
	failed, ok := errors.AsType[*transport.SendError](err)
	if !ok || failed.Phase != transport.PhaseAuth || failed.Temporary() != why.Temporary() {
		t.Errorf("not a failed login: %v", err)
	}
	if got := result.Recipients[0].Outcome; got != transport.NotSent {
		t.Errorf("outcome %v", got)
	}
	return err
}

// TestStrongestFirst: the first mechanism that is tried.
func TestStrongestFirst(t *testing.T) {
	all := slices.Sorted(maps.Keys(everyMechanism(nil)))
	for name, tc := range map[string]struct {
		offered []string
		version uint16
		want    string
	}{
		"all":            {all, tls.VersionTLS13, "SCRAM-SHA-512-PLUS"},
		"all, TLS 1.2":   {all, tls.VersionTLS12, "SCRAM-SHA-512-PLUS"},
		"binding first":  {[]string{"SCRAM-SHA-512", "SCRAM-SHA-1-PLUS"}, tls.VersionTLS13, "SCRAM-SHA-1-PLUS"},
		"without a name": {[]string{"PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1"}, tls.VersionTLS13, "SCRAM-SHA-1"},
	} {
		t.Run(name, func(t *testing.T) {
			srv, b := mechanismServer(t, tc.version, tc.offered...)
			sender := build(t, b.Credentials(identity(t, "PLAIN", srv.Config.Users[smtptest.User])))
			if _, err := sender.Send(t.Context(), mail(t, "b@example.org")); err != nil {
				t.Fatal(err)
			}
			commands := srv.Sessions()[0].Commands
			i := slices.IndexFunc(commands, func(line string) bool { return strings.HasPrefix(line, "AUTH ") })
			if got := strings.Fields(commands[i])[1]; got != tc.want {
				t.Errorf("tried %s, want %s", got, tc.want)
			}
		})
	}
}

// TestAuthorizationID logs in as one user and acts as another.
func TestAuthorizationID(t *testing.T) {
	for name, want := range map[string]error{"boss": nil, "king": errWrong} {
		srv, b := mechanismServer(t, tls.VersionTLS13, "PLAIN")
		c, err := identity(t, "PLAIN", smtptest.Password).WithAuthorizationID(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err = build(t, b.Credentials(c)).Send(t.Context(), mail(t, "b@example.org")); (err == nil) != (want == nil) {
			t.Errorf("as %s: %v\n%s", name, err, srv.Sessions()[0])
		}
	}
}

// TestForeignClients plugs clients of go-sasl in.
func TestForeignClients(t *testing.T) {
	srv, b := mechanismServer(t, tls.VersionTLS13, "PLAIN")
	custom := func(client func() sasl.Client) authentication.Credentials {
		c, err := authentication.Custom(smtptest.User, authentication.FromClient("PLAIN", func() authentication.Client { return client() }))
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	good := build(t, b.Clone().Credentials(custom(func() sasl.Client {
		return sasl.NewPlainClient("", smtptest.User, smtptest.Password)
	})))
	if _, err := good.Send(t.Context(), mail(t, "b@example.org")); err != nil {
		t.Fatalf("%v\n%s", err, srv.Sessions()[0])
	}
	wantLoginError(t, build(t, b.Clone().Credentials(custom(func() sasl.Client {
		return sasl.NewPlainClient("", smtptest.User, "wrong")
	}))), authentication.KindRejected)
	wantLoginError(t, build(t, b.Credentials(custom(func() sasl.Client { return sasl.NewExternalClient("") }))), authentication.KindMalformed)
}

// TestOnePasswordAtATime holds that the connections of a pool do not all try a password that no login has
// used yet, and that a source is asked for each connection.
func TestOnePasswordAtATime(t *testing.T) {
	srv, b := mechanismServer(t, tls.VersionTLS13, "PLAIN")
	var asked atomic.Int32
	c, err := authentication.PasswordFrom(smtptest.User, func(context.Context) (string, error) {
		asked.Add(1)
		return "wrong", nil
	})
	if err != nil {
		t.Fatal(err)
	}
	sender := build(t, b.Credentials(c).Pool(smtp.Pool{MaxOpen: 8}))
	var senders sync.WaitGroup
	for range 8 {
		senders.Go(func() { wantLoginError(t, sender, authentication.KindRejected) })
	}
	senders.Wait()
	total := 0
	for _, s := range srv.Sessions() {
		total += s.Count("AUTH")
	}
	if total != 1 {
		t.Errorf("the wrong password was tried %d times", total)
	}
	if asked.Load() == 0 {
		t.Error("the source was not asked")
	}
}

// TestSecretChanges holds that a new secret is used at once, and that a failed source sends nothing.
func TestSecretChanges(t *testing.T) {
	_, b := mechanismServer(t, tls.VersionTLS13, "XOAUTH2")
	var token atomic.Pointer[string]
	set := func(text string) { token.Store(&text) }
	failure := errors.New("no answer from the issuer")
	c, err := authentication.TokenFrom(smtptest.User, func(context.Context) (string, error) {
		if t := token.Load(); t != nil {
			return *t, nil
		}
		return "", failure
	})
	if err != nil {
		t.Fatal(err)
	}
	transcript := &client.Transcript{}
	sender := build(t, b.Credentials(c).Trace(transcript.Add))
	if err := wantLoginError(t, sender, authentication.KindNoSecret); !errors.Is(err, failure) {
		t.Errorf("%v does not wrap the failure", err)
	}
	set("expired")
	err = wantLoginError(t, sender, authentication.KindRejected)
	bearer, ok := errors.AsType[*authentication.BearerError](err)
	if !ok || bearer.Status != "401" || bearer.Scope != "https://mail.example/" {
		t.Errorf("the server's error is not in %v", err)
	}
	set(accessToken)
	if _, err := sender.Send(t.Context(), mail(t, "b@example.org")); err != nil {
		t.Errorf("%v\n%s", err, transcript)
	}
}

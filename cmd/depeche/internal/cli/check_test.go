package cli_test

import (
	"encoding/json"
	"net"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
)

// What differs between two runs.
var (
	anyTime   = regexp.MustCompile(`\b[0-9.]+(ns|µs|ms|s)\b`)
	anyDate   = regexp.MustCompile(`\b20[0-9]{2}-[0-9]{2}-[0-9]{2}(T[0-9:]+Z)?`)
	anyPin    = regexp.MustCompile(`sha256/[A-Za-z0-9+/=]+`)
	anyHours  = regexp.MustCompile(`in [0-9]+ (hours|minutes|days)|[0-9]+h[0-9]+m`)
	anyClient = regexp.MustCompile(`127\.0\.0\.1:[0-9]+`)
	anyCipher = regexp.MustCompile(`TLS_[A-Z0-9_]+`)
	trailing  = regexp.MustCompile(`[ ]+\n`)
)

// steady makes a report the same in every run.
func steady(text, address string) string {
	_, port, _ := net.SplitHostPort(address)
	text = strings.ReplaceAll(text, address, "SERVER")
	text = anyClient.ReplaceAllString(text, "127.0.0.1:PORT")
	text = strings.ReplaceAll(text, ":"+port, ":PORT")
	text = anyPin.ReplaceAllString(text, "sha256/PIN")
	text = anyDate.ReplaceAllString(text, "DATE")
	text = anyHours.ReplaceAllString(text, "SOON")
	text = anyCipher.ReplaceAllString(text, "SUITE")
	text = anyTime.ReplaceAllString(text, "TIME")
	return trailing.ReplaceAllString(text, "\n")
}

// situation is a relay and the question about it.
type situation struct {
	config    smtptest.Config
	url       string // ADDRESS, ROOTS, USER are replaced; default smtp://ADDRESS
	password  string // of MAIL_PASSWORD_FILE
	arguments []string
	status    int
}

func situations() map[string]situation {
	plain := smtptest.Config{Security: smtptest.Plaintext, Mechanisms: map[string]smtptest.Mechanism{}}
	hooked := func(hooks ...smtptest.Hook) smtptest.Config {
		c := plain
		c.Hooks = hooks
		return c
	}
	tls := func(kind smtptest.Certificate) smtptest.Config {
		return smtptest.Config{Security: smtptest.ImplicitTLS, Certificate: kind}
	}
	const secure, startTLS = "smtps://USER@ADDRESS?tls_roots=ROOTS", "smtp+starttls://USER@ADDRESS?tls_roots=ROOTS"
	ask := []string{"--from", "shop@example.org", "--to", "hei@example.org"}
	return map[string]situation{
		"ready":                 {config: tls(smtptest.Trusted), url: secure, password: smtptest.Password},
		"ready-starttls":        {url: startTLS, password: smtptest.Password},
		"ready-unencrypted":     {config: plain},
		"wrong-password":        {config: tls(smtptest.Trusted), url: secure, password: "topsecret", status: 69},
		"login-not-offered":     {config: smtptest.Config{Security: smtptest.ImplicitTLS, Mechanisms: map[string]smtptest.Mechanism{}}, url: secure, password: "topsecret", status: 69},
		"no-login":              {config: tls(smtptest.Trusted), url: "smtps://ADDRESS?tls_roots=ROOTS"},
		"login-later":           {config: smtptest.Config{Security: smtptest.ImplicitTLS, Hooks: []smtptest.Hook{smtptest.On(smtptest.Auth, smtptest.Reply("454 4.7.0 later"))}}, url: secure, password: "topsecret", status: 75},
		"unknown-authority":     {config: tls(smtptest.UnknownCA), url: "smtps://ADDRESS?tls_roots=ROOTS", status: 69},
		"expired":               {config: tls(smtptest.Expired), url: "smtps://ADDRESS?tls_roots=ROOTS", status: 69},
		"wrong-name":            {config: tls(smtptest.WrongName), url: "smtps://ADDRESS?tls_roots=ROOTS", status: 69},
		"self-signed":           {config: tls(smtptest.SelfSigned), url: "smtps://ADDRESS?tls_roots=ROOTS", status: 69},
		"starttls-not-offered":  {config: plain, url: "smtp+starttls://ADDRESS", status: 69},
		"tls-to-plaintext":      {config: plain, url: "smtps://ADDRESS", status: 69},
		"greeting-refused":      {config: hooked(smtptest.On(smtptest.Greeting, smtptest.Reply("554 5.7.1 go away"))), status: 69},
		"greeting-later":        {config: hooked(smtptest.On(smtptest.Greeting, smtptest.Reply("421 4.3.2 busy").Then(smtptest.Close()))), status: 75},
		"not-mail":              {config: hooked(smtptest.On(smtptest.Greeting, smtptest.Raw("SSH-2.0-OpenSSH\r\n"))), status: 69},
		"ehlo-refused":          {config: hooked(smtptest.On(smtptest.Ehlo, smtptest.Reply("550 5.7.1 who?"))), status: 69},
		"no-pipelining":         {config: smtptest.Config{Security: smtptest.Plaintext, Mechanisms: plain.Mechanisms, Extensions: smtptest.Without("PIPELINING", "CHUNKING", "BINARYMIME")}},
		"recipient-taken":       {config: plain, arguments: ask},
		"recipient-refused":     {config: hooked(smtptest.On(smtptest.Rcpt, smtptest.Reply("550 5.1.1 no such user"))), arguments: ask, status: 69},
		"recipient-later":       {config: hooked(smtptest.On(smtptest.Rcpt, smtptest.Reply("450 4.7.1 greylisted"))), arguments: ask, status: 75},
		"sender-refused":        {config: hooked(smtptest.On(smtptest.Mail, smtptest.Reply("553 5.7.1 not yours"))), arguments: ask, status: 69},
		"hangs-up-at-recipient": {config: hooked(smtptest.On(smtptest.Rcpt, smtptest.Close())), arguments: ask, status: 75},
	}
}

// TestCheck holds what check prints, and its status, in many situations.
func TestCheck(t *testing.T) {
	for name, s := range situations() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := smtptest.NewUnstartedServer(t)
			srv.Config = s.config
			if srv.Config.CertificateNames == nil {
				srv.Config.CertificateNames = []string{"127.0.0.1"}
			}
			srv.Start()
			address := s.url
			if address == "" {
				address = "smtp://ADDRESS"
			}
			// A name of ours, because what a machine is called differs.
			if strings.Contains(address, "?") {
				address += "&hello=client.example.org"
			} else {
				address += "?hello=client.example.org"
			}
			address = strings.NewReplacer("ADDRESS", srv.Addr(), "USER", url.QueryEscape(smtptest.User), "ROOTS", write(t, "roots.pem", string(srv.AuthorityPEM()))).Replace(address)
			variables := []string{"MAIL_URL=" + address}
			if s.password != "" {
				variables = append(variables, "MAIL_PASSWORD_FILE="+write(t, "secret", s.password+"\n"))
			}
			got := run(t, append([]string{"check", "--timeout", "30s"}, s.arguments...), "", variables...)
			if got.status != s.status || got.errors != "" {
				t.Errorf("status %d, want %d: %s", got.status, s.status, got.errors)
			}
			if strings.Contains(got.out, s.password) && s.password != "" {
				t.Error("it shows the password")
			}
			golden(t, "check/"+name+".txt", steady(got.out, srv.Addr()))
			var line struct {
				OK     bool
				Status int
				Hints  []struct{ Kind string }
			}
			asJSON := run(t, append([]string{"check", "--json"}, s.arguments...), "", variables...)
			if err := json.Unmarshal([]byte(asJSON.out), &line); err != nil || line.OK != (s.status == 0) || line.Status != s.status || asJSON.status != s.status {
				t.Errorf("%v: %+v", err, asJSON)
			}
			if n := len(srv.Attempts()); n != 0 {
				t.Errorf("%d mails were sent", n)
			}
		})
	}
}

// TestCheckHost: a host alone is tried in each way that relays are spoken to, and each is explained. Nothing listens at
// this address of the machine.
func TestCheckHost(t *testing.T) {
	got := run(t, []string{"check", "127.66.77.88", "--timeout", "20s"}, "")
	for _, way := range []string{"127.66.77.88:465", "127.66.77.88:587", "127.66.77.88:25"} {
		if !strings.Contains(got.out, "server       "+way) {
			t.Errorf("%s is missing: %s", way, got.out)
		}
	}
	if got.status != 75 || strings.Count(got.out, "nothing listens there") != 3 || strings.Contains(got.out, "\nuse ") {
		t.Errorf("%+v", got)
	}
	if got := run(t, []string{"check", "127.66.77.88", "--json", "--timeout", "20s"}, ""); strings.Count(got.out, "\n") != 3 || got.status != 75 {
		t.Errorf("%+v", got)
	}
	if got := run(t, []string{"check", "mx example"}, ""); got.status != 64 || !strings.Contains(got.errors, "want a host name") {
		t.Errorf("%+v", got)
	}
}

// TestCheckArguments judges what to check.
func TestCheckArguments(t *testing.T) {
	srv := open(t)
	_, port, _ := net.SplitHostPort(srv.Addr())
	for arguments, want := range map[string]struct {
		status int
		says   string
	}{
		"localhost:" + port:                              {69, "STARTTLS"}, // a host means STARTTLS
		"smtp://" + srv.Addr():                           {0, "ready"},
		"smtp://" + srv.Addr() + " --from a":             {64, "--from"},
		"smtp://" + srv.Addr() + " --from a@example.org": {64, "--from needs --to"},
		"stub:":                     {64, "no relay to check"},
		"smtps://u:topsecret@host":  {64, "every user of the machine"},
		"":                          {64, "MAIL_URL"},
		"127.0.0.1:1 --timeout 10s": {75, "nothing listens there"},
		"nobody@127.0.0.1@":         {64, ""},
	} {
		got := run(t, append([]string{"check"}, strings.Fields(arguments)...), "")
		if got.status != want.status || !strings.Contains(got.out+got.errors, want.says) || strings.Contains(got.out+got.errors, "topsecret") {
			t.Errorf("%s: %+v", arguments, got)
		}
	}
}

package diagnose_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport/smtp"
	"github.com/depeche-mail/depeche/transport/smtp/authentication"
	"github.com/depeche-mail/depeche/transport/smtp/client"
	"github.com/depeche-mail/depeche/transport/smtp/diagnose"
	"github.com/depeche-mail/depeche/transport/smtp/extension"
	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// TestCheck compares a report with what the server is.
func TestRun(t *testing.T) {
	srv := smtptest.NewUnstartedServer(t)
	srv.Config.Extensions = append(smtptest.Without("LIMITS"), "LIMITS MAILMAX=100 RCPTMAX=50")
	srv.Config.Mechanisms = map[string]smtptest.Mechanism{"PLAIN": smtptest.DefaultMechanisms()["PLAIN"]}
	srv.Config.CertificateNames = []string{"127.0.0.1", "mx.example.org"}
	srv.Start()
	var events int
	b := relay(srv).HelloName("client.example").Trace(func(client.Event) { events++ })
	report, err := diagnose.Run(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	want := &diagnose.Report{
		Server: srv.Addr(), Remote: srv.Addr(), Greeting: "220 localhost ESMTP smtptest",
		Mechanisms: []string{"PLAIN"}, User: smtptest.User, LoggedIn: true, Size: 64 << 20,
		Limits: extension.SessionLimits{MailMax: 100, RcptMax: 50},
		TLS: &diagnose.TLSReport{
			Version: "TLS 1.3", Names: []string{"mx.example.org", "127.0.0.1"}, Issuer: "CN=smtptest authority",
		},
		Hints: []diagnose.Hint{{Kind: diagnose.HintExpiresSoon}}, // the server's certificate is for hours
	}
	ignored := cmp.Options{
		cmpopts.EquateComparable(envelope.Address{}),
		cmpopts.IgnoreFields(diagnose.Report{}, "ExtensionsBeforeTLS", "Extensions", "Times", "Transcript"),
		cmpopts.IgnoreFields(diagnose.TLSReport{}, "CipherSuite", "NotBefore", "NotAfter", "Pin"),
		cmpopts.IgnoreFields(diagnose.Hint{}, "Text"),
	}
	if diff := cmp.Diff(want, report, ignored); diff != "" {
		t.Errorf("report (-want +got):\n%s\n%s", diff, report)
	}
	if !slices.Contains(report.ExtensionsBeforeTLS, "STARTTLS") || slices.Contains(report.Extensions, "STARTTLS") || !slices.Contains(report.Extensions, "AUTH PLAIN") {
		t.Errorf("before TLS %v, then %v", report.ExtensionsBeforeTLS, report.Extensions)
	}
	if report.Times.Connect <= 0 || report.Times.Ready <= 0 || report.Times.RoundTrip <= 0 {
		t.Errorf("times %+v", report.Times)
	}
	if events == 0 || len(report.Transcript) == 0 {
		t.Error("nothing was traced")
	}
	for _, s := range srv.Sessions() {
		if s.Count("MAIL") > 0 {
			t.Errorf("sent mail: %v", s.Commands)
		}
	}
	if !strings.Contains(report.String(), "result       ready\n") || strings.Contains(report.String(), smtptest.Password) {
		t.Errorf("text:\n%s", report)
	}
	// The builder is not spent, and the certificate of the report is that of the connection.
	wantSent(t, b.VerifyConnection(func(s tls.ConnectionState) error {
		leaf := s.PeerCertificates[0]
		if report.TLS.Pin != client.PinOf(leaf) || !report.TLS.NotAfter.Equal(leaf.NotAfter) {
			t.Errorf("certificate %+v", report.TLS)
		}
		return nil
	}))
}

// TestCheckHints: each usual mistake has a hint of its own.
func TestHints(t *testing.T) {
	plain := func(c *smtptest.Config) { c.Security = smtptest.Plaintext }
	dialing := func(err error) func(smtp.Builder, *smtptest.Server) smtp.Builder {
		return func(b smtp.Builder, _ *smtptest.Server) smtp.Builder {
			return b.Dialer(func(context.Context, string, string) (net.Conn, error) { return nil, err })
		}
	}
	for name, tc := range map[string]struct {
		config  func(c *smtptest.Config)
		builder func(b smtp.Builder, srv *smtptest.Server) smtp.Builder
		limits  client.Timeouts // for rows that have to wait for nothing
		want    []diagnose.HintKind
	}{
		"a dialer that fails": {
			builder: dialing(&net.OpError{Op: "dial", Err: os.ErrNotExist}), want: []diagnose.HintKind{diagnose.HintDialer},
		},
		"a dialer that waits": {
			builder: dialing(&net.OpError{Op: "dial", Err: os.ErrDeadlineExceeded}), want: []diagnose.HintKind{diagnose.HintDialer},
		},
		"a proxy that does not know the host": {
			builder: dialing(&net.DNSError{Err: "no such host", IsNotFound: true}), want: []diagnose.HintKind{diagnose.HintDialer},
		},
		"a host that does not exist": {
			builder: func(smtp.Builder, *smtptest.Server) smtp.Builder { return smtp.Relay("host.invalid") },
			want:    []diagnose.HintKind{diagnose.HintUnknownHost},
		},
		"a dialer without DNS": {
			builder: dialing(&net.DNSError{Err: "server misbehaving", IsTemporary: true}), want: []diagnose.HintKind{diagnose.HintDialer},
		},
		"an expired certificate":         {config: certificate(smtptest.Expired), want: []diagnose.HintKind{diagnose.HintTLS}},
		"TLS at once, the server is not": {config: plain, builder: implicit, want: []diagnose.HintKind{diagnose.HintTLS}},
		"the reverse":                    {config: func(c *smtptest.Config) { c.Security = smtptest.ImplicitTLS }, limits: client.Timeouts{Reply: 50 * time.Millisecond}, want: []diagnose.HintKind{diagnose.HintImplicitTLS}},
		"a server that says nothing":     {config: hooks(smtptest.On(smtptest.Greeting, smtptest.Silence())), limits: quick, want: []diagnose.HintKind{diagnose.HintSilent}},
		"another protocol":               {config: hooks(smtptest.On(smtptest.Greeting, smtptest.Raw("SSH-2.0-OpenSSH\r\n"))), want: []diagnose.HintKind{diagnose.HintNotMail}},
		"554 as greeting":                {config: hooks(smtptest.On(smtptest.Greeting, smtptest.Reply("554 5.7.1 go away"))), want: []diagnose.HintKind{diagnose.HintGreeting}},
		"421 as greeting":                {config: hooks(smtptest.On(smtptest.Greeting, smtptest.Reply("421 4.7.0 too many").Then(smtptest.Close()))), want: []diagnose.HintKind{diagnose.HintTryLater}},
		"no client certificate": {config: func(c *smtptest.Config) {
			c.TLS = &tls.Config{ClientAuth: tls.RequestClientCert}
			c.Hooks = []smtptest.Hook{smtptest.Script(smtptest.Case{At: smtptest.Ehlo, Ordinal: 2, Do: smtptest.Reply("550 5.7.1 who?")})}
		}, want: []diagnose.HintKind{diagnose.HintCertificate}},
		"EHLO refused":                     {config: hooks(smtptest.On(smtptest.Ehlo, smtptest.Reply("550 5.7.1 who?"))), want: []diagnose.HintKind{diagnose.HintHello}},
		"a wrong password":                 {builder: password("wrong"), want: []diagnose.HintKind{diagnose.HintLoginRefused}},
		"a login that cannot be checked":   {config: hooks(smtptest.On(smtptest.Auth, smtptest.Reply("454 4.7.0 later"))), want: []diagnose.HintKind{diagnose.HintLoginLater}},
		"a login that is not offered":      {config: func(c *smtptest.Config) { c.Mechanisms = map[string]smtptest.Mechanism{} }, want: []diagnose.HintKind{diagnose.HintNoLoginOffered}},
		"a login that is offered with TLS": {builder: unencrypted, want: []diagnose.HintKind{diagnose.HintNoLoginOffered}},
		"a login that would show itself":   {config: onlyPlain(plain), builder: unencrypted, want: []diagnose.HintKind{diagnose.HintLoginNeedsTLS}},
		"a login by something else":        {config: func(c *smtptest.Config) { c.Hello.TLS = []string{"PIPELINING", "AUTH GSSAPI"} }, want: []diagnose.HintKind{diagnose.HintNoMechanism}},
		"no login":                         {builder: stranger, want: []diagnose.HintKind{diagnose.HintNoLogin, diagnose.HintExpiresSoon}},
		"no TLS":                           {builder: openly, want: []diagnose.HintKind{diagnose.HintUnencrypted}},
		"a source that fails":              {builder: sourceFails, want: []diagnose.HintKind{diagnose.HintNoSecret}},
		"success too early": {config: func(c *smtptest.Config) {
			c.Hello.TLS = []string{"PIPELINING", "AUTH SCRAM-SHA-256"}
			c.Hooks = []smtptest.Hook{smtptest.On(smtptest.Auth, smtptest.Reply("235 2.7.0 welcome"))}
		}, builder: scram, want: []diagnose.HintKind{diagnose.HintImpostor}},
		"no PIPELINING":                       {config: func(c *smtptest.Config) { c.Extensions = smtptest.Without("PIPELINING", "CHUNKING", "BINARYMIME") }, want: []diagnose.HintKind{diagnose.HintExpiresSoon, diagnose.HintSlow}},
		"a certificate that expires in hours": {want: []diagnose.HintKind{diagnose.HintExpiresSoon}},
	} {
		t.Run(name, func(t *testing.T) {
			srv := smtptest.NewUnstartedServer(t)
			if tc.config != nil {
				tc.config(&srv.Config)
			}
			srv.Start()
			b := relay(srv)
			if tc.builder != nil {
				b = tc.builder(b, srv)
			}
			report, err := diagnose.Run(t.Context(), b.HelloName("client.example").Timeouts(tc.limits))
			if err != nil {
				t.Fatal(err)
			}
			var got []diagnose.HintKind
			for _, h := range report.Hints {
				got = append(got, h.Kind)
				if h.Text == "" || !strings.Contains(report.String(), h.Text) {
					t.Errorf("%s is not in the text", h.Kind)
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("hints (-want +got):\n%s\n%s", diff, report)
			}
			if strings.Contains(report.String(), smtptest.Password) {
				t.Errorf("shows the password:\n%s", report)
			}
			logins := 0
			for _, s := range srv.Sessions() {
				logins += s.Count("AUTH")
			}
			if logins > 1 {
				t.Errorf("%d logins", logins)
			}
		})
	}
}

func password(text string) func(smtp.Builder, *smtptest.Server) smtp.Builder {
	return func(b smtp.Builder, _ *smtptest.Server) smtp.Builder { return b.Login(smtptest.User, text) }
}

// sourceFails and scram are other credentials; Build refuses them if they could not be made.
func sourceFails(b smtp.Builder, _ *smtptest.Server) smtp.Builder {
	c, _ := authentication.PasswordFrom("user", func(context.Context) (string, error) { return "", os.ErrNotExist })
	return b.Credentials(c)
}

func scram(b smtp.Builder, _ *smtptest.Server) smtp.Builder {
	c, _ := authentication.Password(smtptest.User, smtptest.Password)
	c, _ = c.WithMechanisms("SCRAM-SHA-256")
	return b.Credentials(c)
}

// unencrypted is a login without TLS, stranger TLS without a login, openly neither.
func unencrypted(_ smtp.Builder, srv *smtptest.Server) smtp.Builder {
	return smtp.DangerousPlaintext(srv.Host()).Port(srv.Port()).Login(smtptest.User, smtptest.Password)
}

func stranger(_ smtp.Builder, srv *smtptest.Server) smtp.Builder {
	return smtp.StartTLSRelay(srv.Host()).Port(srv.Port()).TLSConfig(srv.ClientTLS())
}

func openly(_ smtp.Builder, srv *smtptest.Server) smtp.Builder {
	return smtp.DangerousPlaintext(srv.Host()).Port(srv.Port())
}

func onlyPlain(also func(*smtptest.Config)) func(*smtptest.Config) {
	return func(c *smtptest.Config) {
		also(c)
		c.Mechanisms = map[string]smtptest.Mechanism{"PLAIN": smtptest.DefaultMechanisms()["PLAIN"]}
	}
}

// TestCheckTells: a report of a failure has the error of a send, and what was seen of a certificate that
// was refused.
func TestCheckTells(t *testing.T) {
	srv := smtptest.NewUnstartedServer(t)
	srv.Config.Certificate = smtptest.WrongName
	srv.Start()
	report, err := diagnose.Run(t.Context(), relay(srv))
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := errors.AsType[*client.TLSError](report.Err); !ok || report.OK() {
		t.Errorf("%v", report.Err)
	}
	if report.TLS == nil || !slices.Equal(report.TLS.Names, []string{"other.example"}) {
		t.Errorf("%+v", report.TLS)
	}
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	if report, err = diagnose.Run(canceled, relay(srv)); err != nil || !errors.Is(report.Err, context.Canceled) || len(report.Hints) > 0 {
		t.Errorf("canceled: %v, %v", report, err)
	}
	if report, err = diagnose.Run(t.Context(), smtp.Relay("")); report != nil || fields(err) == nil {
		t.Errorf("unusable: %v, %v", report, err)
	}
}

// TestReportIsPrintable: a server cannot write to the terminal of who reads the report.
func TestReportIsPrintable(t *testing.T) {
	report := &diagnose.Report{
		Server: "mx\x1b[2J", Greeting: "220 \u202eevil\a", Err: errors.New("x\r\ny\x1b]0;"),
		TLS: &diagnose.TLSReport{Names: []string{"a\x1b[31m"}, Issuer: "\x07"}, Extensions: []string{"X\x00"},
	}
	for line := range strings.SplitSeq(strings.TrimSuffix(report.String(), "\n"), "\n") {
		if strings.ContainsAny(line, "\x1b\a\r\x00\u202e") {
			t.Errorf("%q", line)
		}
	}
}

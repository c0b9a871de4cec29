package smtp_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/smtp"
	"github.com/depeche-mail/depeche/transport/smtp/client"
	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
)

// row is a behaviour of a server and what a client must make of it.
type row struct {
	config  func(c *smtptest.Config)
	builder func(b smtp.Builder, srv *smtptest.Server) smtp.Builder
	// outcome of one mail, and where it was lost; both zero values of a failure are NotSent and "".
	outcome transport.Outcome
	phase   transport.Phase
}

// quick are limits short enough for a test, and long enough for a machine that is busy.
var quick = client.Timeouts{
	TLS: 250 * time.Millisecond, Reply: 300 * time.Millisecond, Data: 300 * time.Millisecond, Final: 300 * time.Millisecond, Reset: 50 * time.Millisecond,
}

func certificate(kind smtptest.Certificate) func(*smtptest.Config) {
	return func(c *smtptest.Config) { c.Certificate = kind }
}

func versions(from, to uint16) func(*smtptest.Config) {
	return func(c *smtptest.Config) { c.TLS = &tls.Config{MinVersion: from, MaxVersion: to} }
}

// implicit is TLS from the first octet on both sides.
func implicit(b smtp.Builder, srv *smtptest.Server) smtp.Builder {
	return smtp.Relay(srv.Host()).Port(srv.Port()).TLSConfig(srv.ClientTLS()).Login(smtptest.User, smtptest.Password)
}

// TestConnectionAndTLSRows: greeting, EHLO and TLS.
func TestConnectionAndTLSRows(t *testing.T) {
	accepted := transport.Accepted
	rows := map[string]row{
		"a greeting that takes a moment":                 {config: hooks(smtptest.On(smtptest.Greeting, smtptest.Pause(5*time.Millisecond).Then(smtptest.Default()))), outcome: accepted},
		"a greeting with another 2yz is good":            {config: hooks(smtptest.On(smtptest.Greeting, smtptest.Reply("250 hello"))), outcome: accepted},
		"half-closed after the greeting":                 {config: hooks(smtptest.On(smtptest.Greeting, smtptest.Default().Then(smtptest.HalfClose()))), phase: transport.PhaseHello},
		"EHLO answered with garbage":                     {config: hooks(smtptest.On(smtptest.Ehlo, smtptest.Raw("hello there\r\n"))), phase: transport.PhaseHello},
		"closed on EHLO":                                 {config: hooks(smtptest.On(smtptest.Ehlo, smtptest.Close())), phase: transport.PhaseHello},
		"251 to RCPT":                                    {config: hooks(smtptest.On(smtptest.Rcpt, smtptest.Reply("251 2.1.5 will forward"))), outcome: accepted},
		"252 to RCPT":                                    {config: hooks(smtptest.On(smtptest.Rcpt, smtptest.Reply("252 2.1.5 cannot verify"))), outcome: accepted},
		"a good certificate for an IP address, STARTTLS": {outcome: accepted},
		"a good certificate, implicit TLS":               {config: func(c *smtptest.Config) { c.Security = smtptest.ImplicitTLS }, builder: implicit, outcome: accepted},
		"502 to STARTTLS":                                {config: hooks(smtptest.On(smtptest.StartTLS, smtptest.Reply("502 5.5.1 no"))), phase: transport.PhaseTLS},
		"FIN behind the 220 to STARTTLS":                 {config: hooks(smtptest.On(smtptest.Handshake, smtptest.Close())), phase: transport.PhaseTLS},
		"RST behind the 220 to STARTTLS":                 {config: hooks(smtptest.On(smtptest.Handshake, smtptest.Reset())), phase: transport.PhaseTLS},
		"a handshake that stalls":                        {config: hooks(smtptest.On(smtptest.Handshake, smtptest.Silence())), phase: transport.PhaseTLS},
		"garbage instead of a handshake":                 {config: hooks(smtptest.On(smtptest.Handshake, smtptest.Raw("what\r\n").Then(smtptest.Close()))), phase: transport.PhaseTLS},
		"plaintext injected behind the 220":              {config: hooks(smtptest.On(smtptest.StartTLS, smtptest.Default().Then(smtptest.Raw("250-evil\r\n250 fr")))), phase: transport.PhaseTLS},
		"AUTH offered only before TLS": {config: func(c *smtptest.Config) {
			c.Hello.Plain, c.Hello.TLS = []string{"STARTTLS", "AUTH PLAIN"}, []string{"PIPELINING"}
		}, phase: transport.PhaseAuth},
		"EHLO refused after TLS":                 {config: hooks(smtptest.Script(smtptest.Case{At: smtptest.Ehlo, Ordinal: 2, Do: smtptest.Reply("550 5.7.1 no")})), phase: transport.PhaseHello},
		"an expired certificate":                 {config: certificate(smtptest.Expired), phase: transport.PhaseTLS},
		"one that is not valid yet":              {config: certificate(smtptest.NotYetValid), phase: transport.PhaseTLS},
		"one for another name":                   {config: certificate(smtptest.WrongName), phase: transport.PhaseTLS},
		"one signed by itself":                   {config: certificate(smtptest.SelfSigned), phase: transport.PhaseTLS},
		"one of an unknown authority":            {config: certificate(smtptest.UnknownCA), phase: transport.PhaseTLS},
		"one with the name in CN only":           {config: certificate(smtptest.CommonNameOnly), phase: transport.PhaseTLS},
		"one for clients only":                   {config: certificate(smtptest.ClientAuthOnly), phase: transport.PhaseTLS},
		"a wildcard for one label":               {config: names("*.example.test"), builder: serverName("mx.example.test"), outcome: accepted},
		"a wildcard covers one label only":       {config: names("*.example.test"), builder: serverName("a.mx.example.test"), phase: transport.PhaseTLS},
		"a name that is only a suffix":           {config: names("example.test"), builder: serverName("mx.example.test"), phase: transport.PhaseTLS},
		"TLS 1.1 only":                           {config: versions(tls.VersionTLS10, tls.VersionTLS11), phase: transport.PhaseTLS},
		"TLS 1.2 only":                           {config: versions(tls.VersionTLS12, tls.VersionTLS12), outcome: accepted},
		"TLS 1.3 only":                           {config: versions(tls.VersionTLS13, tls.VersionTLS13), outcome: accepted},
		"a client certificate that is asked for": {config: func(c *smtptest.Config) { c.TLS = &tls.Config{ClientAuth: tls.RequestClientCert} }, outcome: accepted},
		"implicit TLS to a plaintext server":     {config: func(c *smtptest.Config) { c.Security = smtptest.Plaintext }, builder: implicit, phase: transport.PhaseTLS},
		"STARTTLS to a server with implicit TLS": {config: func(c *smtptest.Config) { c.Security = smtptest.ImplicitTLS }, phase: transport.PhaseGreeting},
		"a plain dialer of the caller's own":     {builder: ownDialer, outcome: accepted},
		"a login, and AUTH not offered":          {config: func(c *smtptest.Config) { c.Mechanisms = map[string]smtptest.Mechanism{} }, phase: transport.PhaseAuth},
		"FIN inside the exchange":                {config: hooks(smtptest.On(smtptest.Auth, smtptest.Close())), phase: transport.PhaseAuth},
		"530 to MAIL":                            {config: hooks(smtptest.On(smtptest.Mail, smtptest.Reply("530 5.7.0 login first"))), outcome: transport.Rejected, phase: transport.PhaseMail},
	}
	for name, tc := range rows {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := smtptest.NewUnstartedServer(t)
			if tc.config != nil {
				tc.config(&srv.Config)
			}
			srv.Start()
			b := relay(srv)
			if tc.builder != nil {
				b = tc.builder(b, srv)
			}
			sender := build(t, b.Timeouts(quick))
			result, err := sender.Send(t.Context(), mail(t, "b@example.org"))
			if got := result.Recipients[0].Outcome; got != tc.outcome {
				t.Errorf("%v, want %v: %v", got, tc.outcome, err)
			}
			var failed *transport.SendError
			if errors.As(err, &failed) != (tc.outcome != transport.Accepted) || failed != nil && failed.Phase != tc.phase {
				t.Errorf("%v, want it in %q", err, tc.phase)
			}
			if tc.outcome == transport.Accepted {
				return
			}
			for _, s := range srv.Sessions() { // nothing that matters was said before
				if tc.outcome == transport.NotSent && s.Count("MAIL")+s.Count("RCPT")+s.Count("DATA") > 0 { // a BDAT without MAIL is a probe
					t.Errorf("said %v", s.Commands)
				}
				if tc.phase == transport.PhaseTLS && s.Count("AUTH") > 0 {
					t.Errorf("a login before TLS: %v", s.Commands)
				}
			}
		})
	}
}

func names(list ...string) func(*smtptest.Config) {
	return func(c *smtptest.Config) { c.CertificateNames = list }
}

// serverName makes the client expect another name than that of the host.
func serverName(name string) func(smtp.Builder, *smtptest.Server) smtp.Builder {
	return func(b smtp.Builder, srv *smtptest.Server) smtp.Builder {
		settings := srv.ClientTLS()
		settings.ServerName = name
		return b.TLSConfig(settings)
	}
}

func ownDialer(b smtp.Builder, _ *smtptest.Server) smtp.Builder {
	return b.Dialer(func(ctx context.Context, network, address string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, address)
	})
}

// TestRowsOfTLS are those that need a closer look than an outcome.
func TestRowsOfTLS(t *testing.T) {
	t.Run("STARTTLS is not asked for twice", func(t *testing.T) {
		srv := smtptest.NewUnstartedServer(t)
		srv.Config.Hello.TLS = []string{"PIPELINING", "STARTTLS", "AUTH PLAIN"}
		srv.Start()
		if _, err := build(t, relay(srv)).Send(t.Context(), mail(t, "b@example.org")); err != nil {
			t.Fatal(err)
		}
		if n := srv.Sessions()[0].Count("STARTTLS"); n != 1 {
			t.Errorf("%d times STARTTLS", n)
		}
	})
	t.Run("a client certificate that is required and missing", func(t *testing.T) {
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			srv := smtptest.NewUnstartedServer(t)
			srv.Config.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert, MinVersion: version, MaxVersion: version}
			srv.Start()
			result, err := build(t, relay(srv)).Send(t.Context(), mail(t, "b@example.org"))
			var alert tls.AlertError
			if result.Recipients[0].Outcome != transport.NotSent || !errors.As(err, &alert) && err == nil {
				t.Errorf("%v", err)
			}
		}
	})
	t.Run("closed at QUIT", func(t *testing.T) {
		srv := smtptest.NewUnstartedServer(t)
		srv.Config.Hooks = []smtptest.Hook{smtptest.On(smtptest.Quit, smtptest.Reset())}
		srv.Start()
		sender := build(t, relay(srv))
		if _, err := sender.Send(t.Context(), mail(t, "b@example.org")); err != nil {
			t.Fatal(err)
		}
		if err := sender.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// TestTransactionRows: what happens between mails on one connection.
func TestTransactionRows(t *testing.T) {
	type step struct {
		outcome transport.Outcome
		to      string
	}
	good := step{transport.Accepted, "b@example.org"}
	for name, tc := range map[string]struct {
		hook     smtptest.Hook
		steps    []step
		sessions int
		stored   int
	}{
		"several mails over one connection": {nil, []step{good, good, good}, 1, 3},
		"RSET refused": {
			smtptest.On(smtptest.Rset, smtptest.Reply("500 5.5.1 what")),
			[]step{{transport.Rejected, "unknown@example.org"}, good},
			2, 1,
		},
		"RSET that stalls": {
			smtptest.On(smtptest.Rset, smtptest.Silence()),
			[]step{{transport.Rejected, "unknown@example.org"}, good},
			2, 1,
		},
		"the verdict of a reused connection is lost: no second delivery, and it is not used again": {
			smtptest.Script(smtptest.Case{At: smtptest.End, Session: 1, Ordinal: 2, Do: smtptest.Accept().Then(smtptest.Reset())}),
			[]step{good, {transport.Unknown, "b@example.org"}, good},
			2, 3,
		},
		"an idle connection that has become a black hole": {
			smtptest.Script(smtptest.Case{At: smtptest.End, Session: 1, Ordinal: 1, Do: smtptest.Default().Then(smtptest.StopReading())}),
			[]step{good, good},
			2, 2, // found out at MAIL, where a retry is free
		},
		"a new connection repeats STARTTLS and the login": {
			smtptest.Script(smtptest.Case{At: smtptest.End, Session: 1, Do: smtptest.Default().Then(smtptest.Close())}),
			[]step{good, good},
			2, 2,
		},
	} {
		t.Run(name, func(t *testing.T) {
			srv := smtptest.NewUnstartedServer(t)
			refuse := smtptest.Script(smtptest.Case{At: smtptest.Rcpt, Recipient: "unknown@example.org", Do: smtptest.Reply("550 5.1.1 no")})
			srv.Config.Hooks = []smtptest.Hook{refuse}
			if tc.hook != nil {
				srv.Config.Hooks = append(srv.Config.Hooks, tc.hook)
			}
			srv.Start()
			sender := build(t, relay(srv).Chunking(client.ChunkingOff).Timeouts(quick))
			for i, s := range tc.steps {
				result, err := sender.Send(t.Context(), mail(t, s.to))
				if got := result.Recipients[0].Outcome; got != s.outcome {
					t.Errorf("mail %d is %v, want %v: %v", i, got, s.outcome, err)
				}
			}
			sessions := srv.Sessions()
			if len(sessions) != tc.sessions || len(srv.Messages()) != tc.stored {
				t.Errorf("%d connections, %d stored; want %d, %d", len(sessions), len(srv.Messages()), tc.sessions, tc.stored)
			}
			for _, s := range sessions {
				if s.Count("STARTTLS") != 1 || s.Count("AUTH") != 1 {
					t.Errorf("session %d: %v", s.ID, s.Commands)
				}
			}
		})
	}
}

// TestUTF8Rows: SMTPUTF8 is asked for by need, and what needs it is not sent without.
func TestUTF8Rows(t *testing.T) {
	for name, tc := range map[string]struct {
		offered  bool
		to, wire string
		outcome  transport.Outcome
		asked    bool
	}{
		"ASCII, and it is offered":                {true, "b@example.org", "b@example.org", transport.Accepted, false},
		"a local part that needs it, not offered": {false, "grüße@example.org", "", transport.NotSent, false},
		"a local part that needs it":              {true, "grüße@example.org", "grüße@example.org", transport.Accepted, true},
		"a domain goes as A-labels":               {false, "b@bücher.example", "b@xn--bcher-kva.example", transport.Accepted, false},
	} {
		t.Run(name, func(t *testing.T) {
			srv := smtptest.NewUnstartedServer(t)
			if !tc.offered {
				srv.Config.Extensions = smtptest.Without("SMTPUTF8")
			}
			srv.Start()
			env, err := envelope.New(address(t, "a@example.org"), address(t, tc.to))
			if err != nil {
				t.Fatal(err)
			}
			result, err := build(t, relay(srv)).Send(t.Context(), transport.Raw(env, []byte(content)))
			if got := result.Recipients[0].Outcome; got != tc.outcome {
				t.Fatalf("%v: %v", got, err)
			}
			if tc.outcome != transport.Accepted {
				if !errors.Is(err, client.ErrNoSMTPUTF8) || srv.Sessions()[0].Count("MAIL") != 0 {
					t.Errorf("%v, said %v", err, srv.Sessions()[0].Commands)
				}
				return
			}
			m := srv.Messages()[0]
			if _, asked := m.From.Params["SMTPUTF8"]; asked != tc.asked || m.Addresses()[0] != tc.wire {
				t.Errorf("asked %v, to %v", asked, m.Addresses())
			}
		})
	}
}

// TestContextBefore: a context that has ended opens no connection.
func TestContextBefore(t *testing.T) {
	srv := smtptest.NewServer(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	result, err := build(t, relay(srv)).Send(ctx, mail(t, "b@example.org"))
	if !errors.Is(err, context.Canceled) || result.Recipients[0].Outcome != transport.NotSent || len(srv.Sessions()) != 0 {
		t.Errorf("%v, %d connections", err, len(srv.Sessions()))
	}
}

package smtp_test

import (
	"context"
	"crypto/tls"
	"net"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/transport/smtp"
	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
)

// TestHostsThatAreDialed: hosts that are not names for EHLO are dialed as they are, and their certificates are verified for
// the name that a certificate can have.
func TestHostsThatAreDialed(t *testing.T) {
	for host, want := range map[string]struct{ dialed, certificate string }{
		"mx.example.org.":   {"mx.example.org.:465", "mx.example.org"},
		"bücher.example":    {"xn--bcher-kva.example:465", "xn--bcher-kva.example"},
		"smtp_relay.intern": {"smtp_relay.intern:465", "smtp_relay.intern"},
		"fe80::1%lo":        {"[fe80::1%lo]:465", "fe80::1"},
	} {
		t.Run(host, func(t *testing.T) {
			srv := smtptest.NewUnstartedServer(t)
			srv.Config.Hostname = want.certificate
			srv.Config.Security = smtptest.ImplicitTLS
			srv.Start()
			var dialed string
			dial := func(ctx context.Context, network, address string) (net.Conn, error) {
				dialed = address
				return new(net.Dialer).DialContext(ctx, network, srv.Addr())
			}
			sender := build(t, smtp.Relay(host).Dialer(dial).TLSConfig(&tls.Config{RootCAs: srv.CertPool(), MinVersion: tls.VersionTLS12}).
				Login(smtptest.User, smtptest.Password))
			if _, err := sender.Send(t.Context(), mail(t, "b@example.org")); err != nil || dialed != want.dialed {
				t.Errorf("dialed %s: %v", dialed, err)
			}
		})
	}
}

// TestHostsOfURLs: a URL takes the same hosts, and prints them as it reads them.
func TestHostsOfURLs(t *testing.T) {
	for _, text := range []string{
		"smtps://mx.example.org.", "smtps://smtp_relay:465", "smtps://b%C3%BCcher.example", "smtps://[fe80::1%25eth0]", "smtps://[fe80::1%25eth0]:465",
	} {
		u, err := smtp.ParseURL(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		again, err := smtp.ParseURL(u.String())
		if err != nil || again.String() != u.String() {
			t.Errorf("%s: %s, then %s, %v", text, u, again, err)
		}
		build(t, smtp.FromURL(text))
	}
	_, err := smtp.Relay("mx.example.org:587").Build()
	if err == nil || !strings.Contains(err.Error(), `Host "mx.example.org:587"`) || !strings.Contains(err.Error(), "set by Port") {
		t.Errorf("%v", err)
	}
}

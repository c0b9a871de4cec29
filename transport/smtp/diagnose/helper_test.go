package diagnose_test

import (
	"errors"
	"testing"
	"time"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/smtp"
	"github.com/depeche-mail/depeche/transport/smtp/client"
	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
)

// quick are limits short enough for a test, and long enough for a machine that is busy.
var quick = client.Timeouts{
	TLS: 250 * time.Millisecond, Reply: 300 * time.Millisecond, Data: 300 * time.Millisecond, Final: 300 * time.Millisecond, Reset: 50 * time.Millisecond,
}

func relay(srv *smtptest.Server) smtp.Builder {
	return smtp.StartTLSRelay(srv.Host()).Port(srv.Port()).TLSConfig(srv.ClientTLS()).
		Login(smtptest.User, smtptest.Password)
}

// implicit is TLS from the first octet on both sides.
func implicit(_ smtp.Builder, srv *smtptest.Server) smtp.Builder {
	return smtp.Relay(srv.Host()).Port(srv.Port()).TLSConfig(srv.ClientTLS()).Login(smtptest.User, smtptest.Password)
}

func hooks(list ...smtptest.Hook) func(*smtptest.Config) {
	return func(c *smtptest.Config) { c.Hooks = list }
}

func certificate(kind smtptest.Certificate) func(*smtptest.Config) {
	return func(c *smtptest.Config) { c.Certificate = kind }
}

// wantSent sends a mail and wants it accepted.
func wantSent(t *testing.T, b smtp.Builder) {
	t.Helper()
	sender, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sender.Close() })
	from, err := envelope.ParseAddress("a@example.org")
	if err != nil {
		t.Fatal(err)
	}
	env, err := envelope.New(from, from)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sender.Send(t.Context(), transport.Raw(env, []byte("Subject: x\r\n\r\nx\r\n"))); err != nil {
		t.Error(err)
	}
}

// fields returns the fields of the FieldErrors that err joins.
func fields(err error) []string {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return nil
	}
	var list []string
	for _, e := range joined.Unwrap() {
		if f, ok := errors.AsType[*smtp.FieldError](e); ok {
			list = append(list, f.Field)
		}
	}
	return list
}

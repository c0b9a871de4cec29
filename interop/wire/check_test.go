package wire_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/interop/rig"
	"github.com/depeche-mail/depeche/transport/smtp"
	"github.com/depeche-mail/depeche/transport/smtp/client"
	"github.com/depeche-mail/depeche/transport/smtp/diagnose"
)

// TestCheck looks at Postfix, Exim and OpenSMTPD as they are and as they are configured wrongly.
func TestCheck(t *testing.T) {
	r := rig.Start(t, "postfix", "exim", "opensmtpd")
	starttls, implicit := smtp.StartTLSRelay, smtp.Relay
	for _, c := range []struct {
		name, address string
		relay         func(string) smtp.Builder
		hint          diagnose.HintKind // "" for a relay that can be used
		kind          client.TLSKind
	}{
		{name: "Postfix", address: "POSTFIX_SUBMISSION_ADDR", relay: starttls},
		{name: "Postfix, implicit TLS", address: "POSTFIX_SMTPS_ADDR", relay: implicit},
		{name: "Exim", address: "EXIM_SMTP_ADDR", relay: starttls},
		{name: "expired", address: "POSTFIX_EXPIRED_ADDR", relay: implicit, hint: diagnose.HintTLS, kind: client.TLSExpired},
		{name: "wrong host", address: "POSTFIX_WRONGHOST_ADDR", relay: implicit, hint: diagnose.HintTLS, kind: client.TLSWrongName},
		{name: "self-signed", address: "POSTFIX_SELFSIGNED_ADDR", relay: implicit, hint: diagnose.HintTLS, kind: client.TLSSelfSigned},
		{name: "client certificate", address: "POSTFIX_MTLS_ADDR", relay: implicit, hint: diagnose.HintCertificate},
		{name: "no STARTTLS", address: "POSTFIX_BARE_ADDR", relay: starttls, hint: diagnose.HintTLS, kind: client.TLSNotOffered},
		{name: "plain server", address: "POSTFIX_SMTP_ADDR", relay: implicit, hint: diagnose.HintTLS, kind: client.TLSPlainServer},
		{name: "TLS server", address: "POSTFIX_SMTPS_ADDR", relay: starttls, hint: diagnose.HintImplicitTLS},
		{name: "broken handshake", address: "OPENSMTPD_BROKENTLS_ADDR", relay: starttls, hint: diagnose.HintTLS},
	} {
		t.Run(c.name, func(t *testing.T) {
			host, port := r.HostPort(t, c.address)
			b := c.relay(host).Port(port).TLSConfig(r.TLS(t)).HelloName("client.rig.test")
			if strings.HasPrefix(c.address, "POSTFIX") {
				b = b.Login(r.Get(t, "RIG_USER"), r.Get(t, "RIG_PASS"))
			}
			report, err := diagnose.Run(t.Context(), b)
			if err != nil {
				t.Fatal(err)
			}
			if report.OK() != (c.hint == "") {
				t.Errorf("%v\n%s", report.Err, report)
			}
			if c.hint != "" && !slices.ContainsFunc(report.Hints, func(h diagnose.Hint) bool { return h.Kind == c.hint }) {
				t.Errorf("no hint %q in\n%s", c.hint, report)
			}
			if fault, ok := errors.AsType[*client.TLSError](report.Err); c.kind != 0 && (!ok || fault.Kind != c.kind) {
				t.Errorf("%v, want the kind %v", report.Err, c.kind)
			}
			if strings.Contains(report.String(), r.Get(t, "RIG_PASS")) {
				t.Errorf("shows the password\n%s", report)
			}
		})
	}
}

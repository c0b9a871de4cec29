package wire_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/interop/rig"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/smtp"
	"github.com/depeche-mail/depeche/transport/smtp/client"
)

// TestLogin logs in to Dovecot behind Postfix, also with a name and a password that need care, and with a
// wrong password, which must end before the mail is named. No secret is in the transcript.
func TestLogin(t *testing.T) {
	r := rig.Start(t, "postfix")
	host, port := r.HostPort(t, "POSTFIX_SUBMISSION_ADDR")
	for _, c := range []struct {
		name, user, password string
		good                 bool
	}{
		{"ASCII", r.Get(t, "RIG_USER"), r.Get(t, "RIG_PASS"), true},
		{"blanks, quotes and UTF-8", r.Get(t, "RIG_USER2"), r.Get(t, "RIG_PASS2"), true},
		{"wrong password", r.Get(t, "RIG_USER"), "looking-glass", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			transcript := &client.Transcript{}
			sender := build(t, smtp.StartTLSRelay(host).Port(port).TLSConfig(r.TLS(t)).Credentials(c.user, c.password).Trace(transcript.Add))
			result, err := sender.Send(t.Context(), mail(t, "alice@rig.test", short, "discard@rig.test"))
			said := transcript.String()
			if strings.Contains(said, c.password) {
				t.Error("the password is in the transcript")
			}
			if c.good {
				if err != nil {
					t.Errorf("%v\n%s", err, said)
				}
				return
			}
			var failed *transport.SendError
			if !errors.As(err, &failed) || failed.Phase != transport.PhaseAuth || failed.Temporary() || result.Recipients[0].Outcome != transport.NotSent {
				t.Errorf("%v, %+v", err, result.Recipients)
			}
			if strings.Contains(said, "MAIL") {
				t.Error(said)
			}
		})
	}
}

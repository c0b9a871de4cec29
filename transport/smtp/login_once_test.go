package smtp_test

import (
	"errors"
	"sync"
	"testing"

	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/smtp"
	"github.com/depeche-mail/depeche/transport/smtp/authentication"
	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
)

// TestSecretIsShownOnce: whatever refuses a login, twenty mails at once over a pool of ten, and one that comes later, lead to
// one AUTH.
func TestSecretIsShownOnce(t *testing.T) {
	for name, tc := range map[string]struct {
		mechanism string
		server    smtptest.Mechanism
		want      authentication.Kind
	}{
		"535":                     {"PLAIN", says("535 5.7.8 no"), authentication.KindRejected},
		"550 5.7.30":              {"PLAIN", says("550 5.7.30 basic authentication is not supported"), authentication.KindRefused},
		"534":                     {"PLAIN", says("534 5.7.9 application-specific password required"), authentication.KindTooWeak},
		"538":                     {"PLAIN", says("538 5.7.11 encryption required"), authentication.KindNeedsTLS},
		"432":                     {"PLAIN", says("432 4.7.12 a password transition is needed"), authentication.KindUnavailable},
		"454":                     {"PLAIN", says("454 4.7.0 too many login attempts"), authentication.KindUnavailable},
		"554 in mid-exchange":     {"LOGIN", says("334 ", "334 ", "554 5.7.0 too many bad auth attempts"), authentication.KindRefused},
		"500 to a challenge":      {"CRAM-MD5", says("334 QUJD", "500 5.5.1 unknown"), authentication.KindRefused},
		"the password is too old": {"SCRAM-SHA-256", smtptest.Scram{Final: "e=invalid-proof"}.Run, authentication.KindRejected},
	} {
		t.Run(name, func(t *testing.T) {
			srv := smtptest.NewUnstartedServer(t)
			srv.Config.Mechanisms = map[string]smtptest.Mechanism{tc.mechanism: tc.server}
			srv.Start()
			sender := build(t, relay(srv).Credentials(identity(t, tc.mechanism, secretOf(tc.mechanism))).Pool(smtp.Pool{MaxOpen: 10}))
			send := func() {
				result, err := sender.Send(t.Context(), mail(t, "b@example.org"))
				why, ok := errors.AsType[*authentication.Error](err)
				if !ok || why.Kind != tc.want || result.Recipients[0].Outcome != transport.NotSent {
					t.Errorf("%v, %v", result.Recipients, err)
				}
			}
			var sends sync.WaitGroup
			for range 20 {
				sends.Go(send)
			}
			sends.Wait()
			send() // when there is no other for whom that refusal counted
			auths := 0
			for _, s := range srv.Sessions() {
				auths += s.Count("AUTH")
			}
			if auths != 1 {
				t.Errorf("%d times AUTH", auths)
			}
		})
	}
}

// TestRefusalWithoutASecret: a refusal before anything secret was said keeps nothing back.
func TestRefusalWithoutASecret(t *testing.T) {
	srv := smtptest.NewUnstartedServer(t)
	srv.Config.Mechanisms = map[string]smtptest.Mechanism{"LOGIN": says("454 4.7.0 later")}
	srv.Start()
	sender := build(t, relay(srv).Credentials(identity(t, "LOGIN", smtptest.Password)))
	for range 2 {
		_, err := sender.Send(t.Context(), mail(t, "b@example.org"))
		if why, ok := errors.AsType[*authentication.Error](err); !ok || !why.Until.IsZero() {
			t.Errorf("got %v", err)
		}
	}
}

package smtp_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/smtp"
	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
)

// TestMaxWaitIsOfAllWaits: a mail that waits for a connection, is refused about load there, and waits for another one, does
// not wait longer than MaxWait in all.
func TestMaxWaitIsOfAllWaits(t *testing.T) {
	for name, tc := range map[string]struct {
		max, want time.Duration
		busy      bool
	}{
		"ends":           {3 * time.Second, 3 * time.Second, true},
		"is long enough": {time.Minute, 20 * time.Second, false},
		"is not set":     {0, 20 * time.Second, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, b := inMemory(t, func(c *smtptest.Config) {
					c.Hooks = []smtptest.Hook{func(e smtptest.Event) smtptest.Action {
						switch {
						case e.Session == 1 && e.At == smtptest.End:
							time.Sleep(10 * time.Second) // of the bubble
						case e.Session > 1 && e.At == smtptest.Greeting:
							time.Sleep(2 * time.Second)
						case e.Session > 1 && e.At == smtptest.Mail:
							return smtptest.Reply("421 4.3.2 too many connections\r\n").Then(smtptest.Close())
						}
						return smtptest.Action{}
					}}
				})
				sender := build(t, b.Pool(smtp.Pool{MaxOpen: 2, MaxWait: tc.max}))
				first := make(chan error, 1)
				go func() {
					_, err := sender.Send(t.Context(), mail(t, "a@example.org"))
					first <- err
				}()
				synctest.Wait() // it has the first connection
				begin := time.Now()
				result, err := sender.Send(t.Context(), mail(t, "b@example.org"))
				if took := time.Since(begin); took != tc.want {
					t.Errorf("it took %v, want %v", took, tc.want)
				}
				switch {
				case !tc.busy:
					if err != nil {
						t.Error(err)
					}
				case !errors.Is(err, smtp.ErrBusy) || result.Recipients[0].Outcome != transport.NotSent:
					t.Errorf("%v, %v", result, err)
				}
				if err := <-first; err != nil {
					t.Error(err)
				}
			})
		})
	}
}

package smtp_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/smtp"
	"github.com/depeche-mail/depeche/transport/smtp/client"
	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
	"github.com/google/go-cmp/cmp"
)

// errorsInRow returns the most commands in a row that a session was refused, beginning anew with each mail that was taken.
func errorsInRow(s smtptest.Session) (most int) {
	row := 0
	for line := range strings.Lines(s.String()) {
		reply, ok := strings.CutPrefix(line, "S: ")
		switch {
		case !ok:
		case strings.HasPrefix(reply, "4"), strings.HasPrefix(reply, "5"):
			row++
			most = max(most, row)
		case strings.Contains(reply, "queued"):
			row = 0
		}
	}
	return most
}

// TestDeadAddresses: five dead addresses of six never lead to ten errors in a row on a connection, from which on Postfix
// delays its replies, and no mail is lost. In a window a few more may be on their way when the first refusal comes,
// and never the twenty at which Postfix hangs up.
func TestDeadAddresses(t *testing.T) {
	const n = 240
	for name, form := range map[string]struct {
		step func(smtp.Builder) smtp.Builder
		bulk bool
		most int // errors in a row
	}{
		"DATA":        {step: func(b smtp.Builder) smtp.Builder { return b.Chunking(client.ChunkingOff) }, most: 9},
		"BDAT":        {step: func(b smtp.Builder) smtp.Builder { return b }, most: 9},
		"bulk DATA":   {step: func(b smtp.Builder) smtp.Builder { return b.Chunking(client.ChunkingOff) }, bulk: true, most: 9},
		"bulk BDAT":   {step: func(b smtp.Builder) smtp.Builder { return b }, bulk: true, most: 9},
		"bulk window": {step: func(b smtp.Builder) smtp.Builder { return b.BulkWindow(20) }, bulk: true, most: 19},
	} {
		for order, dead := range map[string]func() func(i int) bool{
			"in turn": func() func(int) bool { return func(i int) bool { return i%6 != 5 } },
			"all":     func() func(int) bool { return func(int) bool { return true } },
			"shuffled": func() func(int) bool {
				places := rand.New(rand.NewPCG(1, 0)).Perm(n)
				return func(i int) bool { return places[i]%6 != 5 }
			},
		} {
			t.Run(name+", "+order, func(t *testing.T) {
				isDead := dead()
				srv := smtptest.NewServer(t)
				srv.Use(func(e smtptest.Event) smtptest.Action {
					if e.At == smtptest.Rcpt && strings.HasPrefix(e.Recipient, "dead") {
						return smtptest.Reply("550 5.1.1 no such user")
					}
					return smtptest.Action{}
				})
				sender := build(t, form.step(relay(srv).Pool(smtp.Pool{MaxOpen: 1})))
				want := make([]transport.Outcome, n)
				mails := make([]transport.Mail, n)
				for i := range n {
					to := fmt.Sprintf("alive%d@example.org", i)
					want[i] = transport.Accepted
					if isDead(i) {
						to, want[i] = fmt.Sprintf("dead%d@example.org", i), transport.Rejected
					}
					mails[i] = mail(t, to)
				}
				if diff := cmp.Diff(want, outcomeOfEach(t, sender, mails, form.bulk)); diff != "" {
					t.Error(diff)
				}
				for _, s := range srv.Sessions() {
					if row := errorsInRow(s); row > form.most {
						t.Errorf("%d errors in a row:\n%s", row, s)
					}
				}
			})
		}
	}
}

// TestErrorsAreForgotten: what a server accepts makes up for what it refused, so that one connection does for a list
// with some dead addresses.
func TestErrorsAreForgotten(t *testing.T) {
	srv := smtptest.NewServer(t)
	srv.Use(smtptest.RefuseRecipients(map[string]string{"dead@example.org": "550 5.1.1 no such user"}))
	sender := build(t, relay(srv).Pool(smtp.Pool{MaxOpen: 1}))
	for range 20 {
		for _, to := range []string{"dead@example.org", "dead@example.org", "alive@example.org"} {
			_, err := sender.Send(t.Context(), mail(t, to))
			if (err != nil) != (to == "dead@example.org") {
				t.Errorf("%s: %v", to, err)
			}
		}
	}
	if s := sender.Stats(); s.Opened != 1 {
		t.Errorf("%d connections", s.Opened)
	}
}

// outcomeOfEach sends mails of one recipient each, one by one or in bulk.
func outcomeOfEach(t *testing.T, sender *smtp.Transport, mails []transport.Mail, bulk bool) []transport.Outcome {
	t.Helper()
	list := make([]transport.Outcome, len(mails))
	if !bulk {
		for i, m := range mails {
			result, _ := sender.Send(t.Context(), m) // the outcome is looked at
			list[i] = result.Recipients[0].Outcome
		}
		return list
	}
	seen := 0
	for sent := range sender.SendAll(t.Context(), func(yield func(transport.Mail) bool) {
		for _, m := range mails {
			if !yield(m) {
				return
			}
		}
	}) {
		list[sent.Index] = sent.Result.Recipients[0].Outcome
		seen++
	}
	if seen != len(mails) {
		t.Errorf("%d of %d mails ended", seen, len(mails))
	}
	return list
}

package smtp_test

import (
	"net"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/depeche-mail/depeche"
	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/smtp"
	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
	"github.com/google/go-cmp/cmp"
)

// refusesAhead is a relay that takes no command before the reply to the content before it.
func refusesAhead(t *testing.T) (*smtptest.Server, smtp.Builder) {
	t.Helper()
	return inMemory(t, func(c *smtptest.Config) {
		c.RefuseAhead, c.Extensions = true, smtptest.Without("CHUNKING")
	})
}

// refused counts the commands that came too early.
func refused(srv *smtptest.Server) int {
	n := 0
	for _, s := range srv.Sessions() {
		n += strings.Count(s.String(), "S: 503")
	}
	return n
}

// TestCommandsAheadAreRefused: a relay that refuses the commands of a mail because they travel with the content of the mail before
// costs no mail and no connection: the mail is said again after the verdict, and so are the next ones. After a while ahead is tried again.
func TestCommandsAheadAreRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		pool   smtp.Pool
		opened int // connections of a round
		kept   bool
	}{
		"one connection":           {pool: smtp.Pool{MaxOpen: 1}, opened: 1},
		"three":                    {pool: smtp.Pool{MaxOpen: 3}, opened: 3},
		"one after the other":      {pool: smtp.Pool{MaxOpen: 1, MaxMessages: 10}, opened: 5},
		"one that is never closed": {pool: smtp.Pool{MaxOpen: 1, IdleTimeout: 3 * time.Hour, MaxAge: 3 * time.Hour}, opened: 1, kept: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv, b := refusesAhead(t)
				sender := build(t, b.BulkWindow(20).Pool(tc.pool))
				const mails, commands = 50, 4 // RSET, MAIL, RCPT and DATA are refused
				for round := 1; round <= 2; round++ {
					for range 2 {
						if diff := cmp.Diff(map[transport.Outcome]int{transport.Accepted: mails}, count(t, sender, true, mails)); diff != "" {
							t.Errorf("round %d:\n%s", round, diff)
						}
					}
					if n, want := refused(srv), round*commands; n < want || n > want*tc.pool.MaxOpen {
						t.Errorf("round %d: %d refusals, want %d for each connection that does not know", round, n, want)
					}
					time.Sleep(time.Hour) // of the bubble
					if round == 2 {
						break
					}
					if _, err := sender.Send(t.Context(), mail(t, "b@example.org")); err != nil { // which learns nothing about this
						t.Error(err)
					}
				}
				want := 2 * tc.opened
				switch {
				case tc.kept:
					want = tc.opened
				case tc.pool.MaxMessages > 0:
					want = 2*want + 2 // what was refused counts
				}
				if opened := sender.Stats().Opened; opened > want {
					t.Errorf("%d connections, want at most %d", opened, want)
				}
				if n := len(srv.Messages()); n != 4*mails+1 {
					t.Errorf("%d messages at the relay", n)
				}
			})
		})
	}
}

// TestCommandsAheadOfALargeMail: a refusal costs nothing of a mail before that has further transactions, because its recipients are too
// many for one. Those who have it do not get it again.
func TestCommandsAheadOfALargeMail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv, b := inMemory(t, func(c *smtptest.Config) {
			c.RefuseAhead, c.MaxRecipients = true, 2
			c.Extensions = append(smtptest.Without("CHUNKING"), "LIMITS RCPTMAX=2")
		})
		sender := build(t, b.Pool(smtp.Pool{MaxOpen: 1}))
		all := []string{"a@example.org", "b@example.org", "c@example.org", "d@example.org", "e@example.org"}
		for sent, err := range transport.SendAll(t.Context(), sender, func(yield func(transport.Mail) bool) {
			_ = yield(mail(t, all...)) && yield(mail(t, all...))
		}) {
			if err != nil {
				t.Errorf("mail %d: %v", sent.Index, err)
			}
		}
		got := map[envelope.Address]int{}
		for _, m := range srv.Messages() {
			for _, to := range m.Recipients {
				a, err := envelope.ParseAddress(to.Address)
				if err != nil {
					t.Fatal(err)
				}
				got[a]++
			}
		}
		for a, n := range got {
			if n != 2 || len(got) != len(all) {
				t.Errorf("%s has %d copies of 2 mails; %d recipients", a, n, len(got))
			}
		}
	})
}

// TestGoodbyeAheadIsRefused: a Send whose QUIT travels with the content ends as if it did not.
func TestGoodbyeAheadIsRefused(t *testing.T) {
	srv, err := smtptest.Start(smtptest.Config{Security: smtptest.Plaintext, RefuseAhead: true, Extensions: smtptest.Without("CHUNKING")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(srv.Close)
	result, err := depeche.Send(t.Context(), "smtp://"+net.JoinHostPort(srv.Host(), strconv.Itoa(srv.Port())), mail(t, "b@example.org"))
	if err != nil || !result.AllAccepted() || len(srv.Messages()) != 1 {
		t.Errorf("%v, %v, %d messages", result, err, len(srv.Messages()))
	}
}

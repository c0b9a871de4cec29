package smtp_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/depeche-mail/depeche/transport/smtp"
	"github.com/depeche-mail/depeche/transport/smtp/client"
	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
)

// polite counts the sessions that ended with QUIT, and those that did not.
func polite(srv *smtptest.Server) (yes, no int) {
	for _, s := range srv.Sessions() {
		if strings.Contains(s.String(), "C: QUIT") {
			yes++
		} else {
			no++
		}
	}
	return yes, no
}

// TestIdleLimitIsLearned: after a few connections that the relay closed for idleness, the transport closes them politely
// before the relay does, and no warm minimum is kept. After a while it tries longer ones.
func TestIdleLimitIsLearned(t *testing.T) {
	for name, tc := range map[string]struct {
		dialect string
		refusal smtptest.Refusal
		most    int // connections that the relay closed until it was learned
	}{
		"421 4.4.2":      {dialect: "postfix", most: 1},
		"451 4.4.2":      {dialect: "ses", most: 1},
		"without a word": {refusal: smtptest.Refusal{Close: true}, most: 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv, b := inMemory(t, func(c *smtptest.Config) {
					c.IdleTimeout, c.Dialect.Name, c.Dialect.Idle = 10*time.Second, tc.dialect, tc.refusal
				})
				sender := build(t, b.Pool(smtp.Pool{MaxOpen: 3}))
				for range 10 {
					if _, err := sender.Send(t.Context(), mail(t, "b@example.org")); err != nil {
						t.Fatal(err)
					}
					time.Sleep(20 * time.Second) // of the bubble
				}
				yes, no := polite(srv)
				if no > tc.most || yes < 10-tc.most-1 {
					t.Errorf("%d connections ended politely, %d did not, want at most %d", yes, no, tc.most)
				}
				time.Sleep(time.Hour)
				for range 3 { // what was learned is forgotten: a limit that the relay has no more is not kept for ever
					if _, err := sender.Send(t.Context(), mail(t, "b@example.org")); err != nil {
						t.Fatal(err)
					}
					time.Sleep(20 * time.Second)
				}
				if _, now := polite(srv); now == no {
					t.Error("a longer time was not tried")
				}
			})
		})
	}
}

// TestWarmMinimumWhereTheRelayLikesIt: connections that are opened ahead of need are opened no more when the relay closes
// them unused.
func TestWarmMinimumWhereTheRelayLikesIt(t *testing.T) {
	for name, tc := range map[string]struct {
		idle time.Duration // of the relay
		most int           // connections in seven minutes
	}{"it does not": {10 * time.Second, 20}, "it does": {0, 100}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv, b := inMemory(t, func(c *smtptest.Config) { c.IdleTimeout, c.Dialect.Name = tc.idle, "postfix" })
				sender := build(t, b.Pool(smtp.Pool{MaxOpen: 4, MinIdle: 2}))
				for range 8 {
					if _, err := sender.Send(t.Context(), mail(t, "b@example.org")); err != nil {
						t.Fatal(err)
					}
					time.Sleep(50 * time.Second)
				}
				idle := sender.Stats().Idle
				if n := len(srv.Sessions()); n > tc.most || (idle > 0) != (tc.idle == 0) {
					t.Errorf("%d connections, %d idle", n, idle)
				}
			})
		})
	}
}

// TestRestartIsNoIdleLimit: connections that a relay closes together say little about how long it lets them live.
func TestRestartIsNoIdleLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		restart := make(chan struct{})
		_, b := inMemory(t, func(c *smtptest.Config) {
			c.Hooks = []smtptest.Hook{func(e smtptest.Event) smtptest.Action {
				takesTime(e) // so that each mail has a connection of its own
				if e.At == smtptest.End && e.Session <= 5 {
					return smtptest.Default().Then(smtptest.Wait(restart)).Then(smtptest.Close())
				}
				return smtptest.Action{}
			}}
		})
		sender := build(t, b.Chunking(client.ChunkingOff).Pool(smtp.Pool{MaxOpen: 5})) // no probe is unanswered
		count(t, sender, false, 5)
		time.Sleep(5 * time.Second)
		close(restart)
		synctest.Wait()
		count(t, sender, false, 5)
		before := sender.Stats().Opened
		time.Sleep(50 * time.Second)
		count(t, sender, false, 5)
		if after := sender.Stats().Opened; after != before {
			t.Errorf("%d connections more", after-before)
		}
	})
}

package smtp_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/smtp"
	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
	"github.com/google/go-cmp/cmp"
)

// TestTooManyConnectionsAtTheEndOfContent: what a relay says of connections when it has judged a mail stays Deferred for that
// mail, and teaches the pool: later mails are taken.
func TestTooManyConnectionsAtTheEndOfContent(t *testing.T) {
	for name, refusal := range map[string]smtptest.Refusal{
		"outlook365":       {},
		"threads":          {At: smtptest.End, Reply: "432 4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded"},
		"at DATA":          {At: smtptest.Data, Reply: "451 4.3.2 too many connections"},
		"421 at the end":   {At: smtptest.End, Reply: "421 4.3.2 too many connections", Close: true},
		"421 without more": {At: smtptest.End, Reply: "421 too many concurrent SMTP connections", Close: true},
	} {
		for all, n := range map[bool]int{false: 30, true: 1000} {
			t.Run(fmt.Sprintf("%s, all: %v", name, all), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					_, b := inMemory(t, func(c *smtptest.Config) {
						c.MaxConnections, c.Dialect.Name, c.Dialect.Connections = 2, "outlook365", refusal
						c.Hooks = []smtptest.Hook{takesTime}
					})
					sender := build(t, b.Pool(smtp.Pool{MaxOpen: 10}))
					got := count(t, sender, all, n)
					lost := got[transport.Deferred] + got[transport.NotSent] // SendAll has the next mail on its way
					if got[transport.Deferred] == 0 || lost > 2*8 || got[transport.Accepted] != n-lost {
						t.Errorf("%v: each of eight connections too many costs at most two mails", got)
					}
					if s := sender.Stats(); s.Limit != 2 || s.Opened > 11 {
						t.Errorf("learned %v", s)
					}
					if diff := cmp.Diff(map[transport.Outcome]int{transport.Accepted: n}, count(t, sender, all, n)); diff != "" {
						t.Errorf("afterwards:\n%s", diff)
					}
				})
			})
		}
	}
}

// TestTooManyConnectionsOfOthers: with one connection alone, that there are too many is about those of other programs: it is
// kept, and nothing is learned.
func TestTooManyConnectionsOfOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, b := inMemory(t, func(c *smtptest.Config) {
			c.Hooks = []smtptest.Hook{smtptest.On(smtptest.End, smtptest.Reply("432 4.3.2 Concurrent connections limit exceeded."))}
		})
		sender := build(t, b)
		for range 5 {
			if result, _ := sender.Send(t.Context(), mail(t, "b@example.org")); result.Recipients[0].Outcome != transport.Deferred {
				t.Errorf("%v", result)
			}
		}
		if s := sender.Stats(); s.Opened != 1 || s.Limit != 0 || s.Refused != 0 {
			t.Errorf("%v", s)
		}
	})
}

// TestShareThatEndsAfterMail: when a relay says as late as in a transaction that a connection has had as many mails as it may,
// that is the end of that mail, of the next one where that was on its way, and after three connections of no other.
func TestShareThatEndsAfterMail(t *testing.T) {
	for name, refusal := range map[string]smtptest.Refusal{
		"421 to RCPT":          {At: smtptest.Rcpt, Reply: "421 4.7.0 enough for this connection", Close: true},
		"421 to DATA":          {At: smtptest.Data, Reply: "421 4.7.0 enough for this connection", Close: true},
		"421 at the end":       {At: smtptest.End, Reply: "421 4.7.0 enough for this connection", Close: true},
		"452 4.5.3 at the end": {At: smtptest.End, Reply: "452 4.5.3 too many messages sent"},
		"452 4.5.3 to DATA":    {At: smtptest.Data, Reply: "452 4.5.3 too many messages sent"},
	} {
		for _, all := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, all: %v", name, all), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					const n, share = 100, 5
					_, b := inMemory(t, func(c *smtptest.Config) {
						c.Throttle.PerConnection, c.Dialect.Session = share, refusal
						c.Extensions = smtptest.Without("CHUNKING") // so that there is DATA
					})
					sender := build(t, b.Pool(smtp.Pool{MaxOpen: 1}))
					most := map[bool]int{false: 3, true: 6}[all]
					got := oneByOne(t, sender, all, n)
					if got[transport.Accepted] < n-most || got[transport.Accepted]+got[transport.Deferred]+got[transport.NotSent] != n {
						t.Errorf("%v, want at least %d accepted", got, n-most)
					}
				})
			})
		}
	}
}

// TestTooManyErrorsTeachNoShare: a relay that hangs up because of errors has not said how many mails it takes.
func TestTooManyErrorsTeachNoShare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refuses := true
		_, b := inMemory(t, func(c *smtptest.Config) {
			c.Hooks = []smtptest.Hook{func(e smtptest.Event) smtptest.Action {
				if refuses && e.At == smtptest.Rcpt && strings.Contains(e.Line, "dead@") {
					return smtptest.Reply("421 4.7.0 too many errors").Then(smtptest.Close())
				}
				return smtptest.Action{}
			}}
		})
		sender := build(t, b.Pool(smtp.Pool{MaxOpen: 1}))
		for range 10 {
			for _, to := range []string{"b@example.org", "b@example.org", "dead@example.org"} {
				_, _ = sender.Send(t.Context(), mail(t, to)) // that the last one fails is the case
			}
		}
		refuses = false
		opened := sender.Stats().Opened
		oneByOne(t, sender, false, 20)
		if now := sender.Stats().Opened; now > opened+1 {
			t.Errorf("%d connections for 20 mails", now-opened)
		}
	})
}

// oneByOne is count one mail after the other.
func oneByOne(t *testing.T, sender transport.Transport, all bool, n int) map[transport.Outcome]int {
	t.Helper()
	if all {
		return count(t, sender, true, n)
	}
	outcomes := map[transport.Outcome]int{}
	for range n {
		result, _ := sender.Send(t.Context(), mail(t, "b@example.org")) // the outcome is looked at
		outcomes[result.Recipients[0].Outcome]++
	}
	return outcomes
}

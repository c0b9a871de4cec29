package smtptest_test

import (
	"bufio"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
	"github.com/google/go-cmp/cmp"
)

// inMemory starts a server in a bubble.
func inMemory(t *testing.T, change func(*smtptest.Config)) *smtptest.Server {
	t.Helper()
	return plaintext(t, func(c *smtptest.Config) {
		c.Network = "memory"
		if change != nil {
			change(c)
		}
	})
}

// talk says lines one by one on a new connection and returns the codes, with what the server says at the beginning
// first and "end" when it has closed the connection.
type talker struct {
	t  *testing.T
	in *bufio.Reader
	w  interface{ Write([]byte) (int, error) }
}

func talkTo(t *testing.T, srv *smtptest.Server) *talker {
	t.Helper()
	conn, err := srv.Dial(t.Context(), "", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &talker{t, bufio.NewReader(conn), conn}
}

func (c *talker) hear() string {
	for {
		line, err := c.in.ReadString('\n')
		switch {
		case err != nil:
			return "end"
		case line[3] == ' ':
			return strings.TrimRight(line, "\r\n")
		}
	}
}

func (c *talker) say(line string) string {
	if _, err := c.w.Write([]byte(line + "\r\n")); err != nil {
		return "end"
	}
	return c.hear()
}

// codes says lines and returns the codes of the answers.
func (c *talker) codes(lines ...string) []string {
	var list []string
	for _, line := range lines {
		list = append(list, c.say(line)[:3])
	}
	return list
}

const (
	sayMail = "MAIL FROM:<a@example.org>"
	sayRcpt = "RCPT TO:<b@example.org>"
)

// mail sends a message and returns the last code.
func (c *talker) mail(to string) string {
	for _, line := range []string{sayMail, "RCPT TO:<" + to + ">", "DATA"} {
		if reply := c.say(line); reply[0] > '3' {
			if reply[:3] != "421" {
				c.say("RSET")
			}
			return reply
		}
	}
	return c.say(".")
}

func greeted(t *testing.T, srv *smtptest.Server) *talker {
	c := talkTo(t, srv)
	c.hear()
	c.say("EHLO x")
	return c
}

// TestErrorBudget: a client that makes errors is slowed down and then thrown out, as Postfix does it.
func TestErrorBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := inMemory(t, func(c *smtptest.Config) {
			c.Errors, c.Dialect.Name, c.Hostname = smtptest.PostfixErrors(), "postfix", "mx.example.org"
		})
		c, begin := greeted(t, srv), time.Now()
		c.say(sayMail)
		var when []time.Duration
		for range 20 {
			c.say("RCPT TO:<>")
			when = append(when, time.Since(begin))
		}
		if when[9] != 0 || when[10] != time.Second || when[19] != 10*time.Second {
			t.Errorf("the replies came at %v, want a delay of a second from the eleventh on", when)
		}
		if said := c.hear(); said != "421 4.7.0 mx.example.org Error: too many errors" || c.hear() != "end" {
			t.Errorf("after 20 errors: %q", said)
		}
	})
}

// TestErrorsForgiven by a message that was stored, and by no other command.
func TestErrorsForgiven(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := inMemory(t, func(c *smtptest.Config) { c.Errors = smtptest.ErrorBudget{Hard: 3} })
		c := greeted(t, srv)
		for range 3 {
			got := c.codes("X", "Y", "RSET")
			if diff := cmp.Diff([]string{"500", "500", "250"}, got); diff != "" {
				t.Fatal(diff)
			}
			if said := c.mail("b@example.org"); said[:3] != "250" {
				t.Fatal(said)
			}
		}
		if diff := cmp.Diff([]string{"500", "250", "500", "500", "421"}, append(c.codes("X", sayMail, "Y", "Z"), c.hear()[:3])); diff != "" {
			t.Error(diff)
		}
	})
}

// TestJunk: commands without use are errors when there are too many.
func TestJunk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := inMemory(t, func(c *smtptest.Config) { c.Errors = smtptest.ErrorBudget{Hard: 1, Junk: 3} })
		c := greeted(t, srv) // one
		got := append(c.codes("NOOP", "RSET", "NOOP"), c.hear()[:3])
		if diff := cmp.Diff([]string{"250", "250", "250", "421"}, got); diff != "" {
			t.Error(diff)
		}
	})
}

// TestIdle: a client that says nothing is told so, in a dialect that has words for it.
func TestIdle(t *testing.T) {
	for name, want := range map[string]string{"postfix": "421 4.4.2 localhost Error: timeout exceeded", "": "end"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := inMemory(t, func(c *smtptest.Config) { c.IdleTimeout, c.Dialect.Name = 5*time.Minute, name })
				c := greeted(t, srv)
				time.Sleep(4 * time.Minute)
				c.say("NOOP")
				begin := time.Now()
				if said := c.hear(); said != want || time.Since(begin) != 5*time.Minute {
					t.Errorf("%q after %v", said, time.Since(begin))
				}
				if said := c.hear(); said != "end" {
					t.Error(said)
				}
			})
		})
	}
}

// TestTooManyConnections: those beyond the limit are refused at the point that the dialect names, and the places of
// those who go are free.
func TestTooManyConnections(t *testing.T) {
	late := smtptest.Refusal{At: smtptest.End, Reply: "432 4.3.2 too many"}
	for name, tc := range map[string]struct {
		dialect smtptest.Dialect
		want    []string
	}{
		"at the greeting": {smtptest.Dialect{Name: "postfix"}, []string{"421 4.7.0 localhost Error: too many connections from 127.0.0.1", "end"}},
		"plain":           {smtptest.Dialect{}, []string{"421 4.7.0 too many connections", "end"}},
		"at the end":      {smtptest.Dialect{Connections: late}, []string{"220 localhost ESMTP smtptest", "432 4.3.2 too many"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := inMemory(t, func(c *smtptest.Config) { c.MaxConnections, c.Dialect = 2, tc.dialect })
				first, second := greeted(t, srv), greeted(t, srv)
				third := talkTo(t, srv)
				got := []string{third.hear()}
				if got[0][0] == '2' {
					third.say("EHLO x")
					got = append(got, third.mail("b@example.org"))
				} else {
					got = append(got, third.hear())
				}
				if diff := cmp.Diff(tc.want, got); diff != "" {
					t.Error(diff)
				}
				for _, c := range []*talker{first, second} {
					if said := c.mail("b@example.org"); said[:3] != "250" {
						t.Errorf("one of the first two: %s", said)
					}
				}
				first.say("QUIT")
				synctest.Wait()
				if tc.want[1] != "end" { // it has become one of the first two
					if said := third.mail("b@example.org"); said[:3] != "250" {
						t.Error(said)
					}
					return
				}
				if said := greeted(t, srv).mail("b@example.org"); said[:3] != "250" {
					t.Errorf("in the place of one that went: %s", said)
				}
			})
		})
	}
}

// TestThrottle: how many of messages that come at once are taken, and when the next one is.
func TestThrottle(t *testing.T) {
	const minute, day = time.Minute, 24 * time.Hour
	for name, tc := range map[string]struct {
		throttle smtptest.Throttle
		refusal  string // of the third
		later    time.Duration
	}{
		"rate":       {smtptest.Throttle{Rate: smtptest.Rate{Count: 2, Per: minute}}, "450 4.7.1 too many messages, try later", minute},
		"a second":   {smtptest.Throttle{Rate: smtptest.Rate{Count: 2}}, "450 4.7.1 too many messages, try later", time.Second},
		"a day":      {smtptest.Throttle{PerDay: 2}, "452 4.7.1 too many messages today, try tomorrow", day},
		"recipients": {smtptest.Throttle{RecipientsPerDay: 2}, "452 4.7.1 too many messages today, try tomorrow", day},
		"a domain": {
			smtptest.Throttle{Domains: map[string]smtptest.Rate{"Example.org": {Count: 2, Per: minute}, "example.net": {Count: 1}}},
			"450 4.7.1 too many messages for this domain, try later", minute,
		},
		"a connection": {smtptest.Throttle{PerConnection: 2}, "421 4.7.0 too many messages over this connection", 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := inMemory(t, func(c *smtptest.Config) { c.Throttle = tc.throttle })
				c := greeted(t, srv)
				for i := range 2 {
					if said := c.mail("b@EXAMPLE.org"); said[:3] != "250" {
						t.Fatalf("message %d: %s", i+1, said)
					}
				}
				if said := c.mail("b@example.org"); said != tc.refusal {
					t.Fatalf("%q, want %q", said, tc.refusal)
				}
				if tc.later == 0 { // another connection
					if said := greeted(t, srv).mail("b@example.org"); said[:3] != "250" {
						t.Error(said)
					}
					return
				}
				time.Sleep(tc.later - 1)
				if said := c.mail("b@example.org"); said != tc.refusal {
					t.Errorf("too early: %s", said)
				}
				time.Sleep(1)
				for i := range 2 {
					if said := c.mail("b@example.org"); said[:3] != "250" {
						t.Errorf("message %d after %v: %s", i+1, tc.later, said)
					}
				}
			})
		})
	}
}

// TestThrottleWithoutWords lets the client wait.
func TestThrottleWithoutWords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := smtptest.Refusal{At: smtptest.End}
		srv := inMemory(t, func(c *smtptest.Config) {
			c.Throttle.Rate = smtptest.Rate{Count: 1, Per: time.Minute}
			c.Dialect.Rate = slow
		})
		c, begin := greeted(t, srv), time.Now()
		for range 3 {
			if said := c.mail("b@example.org"); said[:3] != "250" {
				t.Error(said)
			}
		}
		if took := time.Since(begin); took != 2*time.Minute {
			t.Errorf("took %v", took)
		}
	})
}

// TestRefusalWithoutWords closes the connection.
func TestRefusalWithoutWords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := inMemory(t, func(c *smtptest.Config) { c.Throttle.PerConnection, c.Dialect.Name = 1, "yahoo" })
		c := greeted(t, srv)
		if said := c.mail("b@example.org"); said[:3] != "250" {
			t.Error(said)
		}
		if said := c.say(sayMail); said != "end" {
			t.Error(said)
		}
	})
}

// TestClock: limits may go by a clock of the test.
func TestClock(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 28, 0, 0, 0, 0, time.UTC)
	srv := inMemory(t, func(c *smtptest.Config) { c.Throttle.PerDay, c.Clock = 1, func() time.Time { return now } })
	c := greeted(t, srv)
	got := []string{c.mail("b@example.org")[:3], c.mail("b@example.org")[:3]}
	now = now.Add(24 * time.Hour)
	got = append(got, c.mail("b@example.org")[:3])
	if diff := cmp.Diff([]string{"250", "452", "250"}, got); diff != "" {
		t.Error(diff)
	}
}

// TestDialects: a name that is not one is refused at the start, and every one has all words that it needs.
func TestDialects(t *testing.T) {
	t.Parallel()
	if _, err := smtptest.Start(smtptest.Config{Dialect: smtptest.Dialect{Name: "klingon"}}); err == nil ||
		!strings.Contains(err.Error(), `unknown dialect "klingon"; there are `+strings.Join(smtptest.Dialects(), ", ")) {
		t.Error(err)
	}
	for _, name := range smtptest.Dialects() {
		srv, err := smtptest.Start(smtptest.Config{Network: "memory", Dialect: smtptest.Dialect{Name: name}})
		if err != nil {
			t.Fatal(err)
		}
		srv.Close()
		d := srv.Config.Dialect
		for what, r := range map[string]smtptest.Refusal{
			"Connections": d.Connections, "Session": d.Session, "Day": d.Day, "Domain": d.Domain,
		} {
			if r.At == "" || r.Reply == "" && !r.Close {
				t.Errorf("%s: %s is %+v", name, what, r)
			}
		}
		if d.Rate.At == "" || d.Errors.Reply == "" {
			t.Errorf("%s: %s", name, fmt.Sprintf("%+v", d))
		}
	}
}

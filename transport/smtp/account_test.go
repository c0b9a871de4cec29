package smtp_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/smtp"
	"github.com/depeche-mail/depeche/transport/smtp/client"
	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
	"github.com/google/go-cmp/cmp"
)

// dialer counts the connections of a dial function that are open at once.
func (c *counting) dialer(dial func(context.Context, string, string) (net.Conn, error)) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return c.add(conn), nil
	}
}

// TestTransportsOfOneAccount: a SendAll over one transport and Sends over two others, with one account at a relay that
// bears two connections: no mail fails, none is stored twice, no more than two are open at once, and the relay has to refuse none.
func TestTransportsOfOneAccount(t *testing.T) {
	const bulk, single = 300, 30
	for name, refusal := range refusalsOfAThird {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv, b := inMemory(t, func(c *smtptest.Config) {
					c.MaxConnections, c.Dialect.Connections, c.RequireAuth = 2, refusal, true
					c.Hooks = []smtptest.Hook{takesTime}
				})
				var sockets counting
				account := smtp.NewAccount()
				b = b.Dialer(sockets.dialer(srv.Dial)).Account(account)
				newsletter := build(t, b.Clone().BulkWindow(5).ResendUnsent().Pool(smtp.Pool{MaxOpen: 2}))
				passwords := []transport.Transport{build(t, b.Clone().Pool(smtp.Pool{MaxOpen: 2})), build(t, b.Pool(smtp.Pool{MaxOpen: 2}))}
				var all sync.WaitGroup
				all.Go(func() {
					if diff := cmp.Diff(map[transport.Outcome]int{transport.Accepted: bulk}, count(t, newsletter, true, bulk)); diff != "" {
						t.Error(diff)
					}
				})
				for p, sender := range passwords {
					for i := range single {
						all.Go(func() {
							time.Sleep(time.Duration(i) * 50 * time.Millisecond) // of the bubble
							if _, err := sender.Send(t.Context(), mail(t, fmt.Sprintf("password%d.%d@example.org", p, i))); err != nil {
								t.Error(err)
							}
						})
					}
				}
				all.Wait()
				storedOnce(t, srv, bulk+2*single)
				s := account.Stats()
				if most := sockets.most.Load(); most > 2 || s.Refused > 0 || s.Failed > 0 {
					t.Errorf("%d open at once: %v", most, s)
				}
				if s.Opened != newsletter.Stats().Opened+passwords[0].(*smtp.Transport).Stats().Opened+passwords[1].(*smtp.Transport).Stats().Opened {
					t.Errorf("not the sum: %v", s)
				}
			})
		})
	}
}

// TestAccountOnSockets is the same on real connections, without a word of the limit to the transports: they learn it, and what
// one has learned the other does not ask again.
func TestAccountOnSockets(t *testing.T) {
	srv := smtptest.NewUnstartedServer(t)
	srv.Config.MaxConnections = 2
	srv.Start()
	b := relay(srv).Account(smtp.NewAccount())
	a, c := build(t, b.Clone()), build(t, b)
	const n = 100
	want := map[transport.Outcome]int{transport.Accepted: n}
	if diff := cmp.Diff(want, count(t, a, false, n)); diff != "" {
		t.Error(diff)
	}
	var both sync.WaitGroup
	for _, sender := range []transport.Transport{a, c} {
		both.Go(func() {
			if diff := cmp.Diff(want, count(t, sender, true, n)); diff != "" {
				t.Error(diff)
			}
		})
	}
	both.Wait()
	if len(srv.Messages()) != 3*n {
		t.Errorf("%d messages", len(srv.Messages()))
	}
}

// TestAccountLearnsForAll: what one transport has found out about connections, mails of a connection and the secret holds for
// another one of the account, and for none of another account.
func TestAccountLearnsForAll(t *testing.T) {
	for name, tc := range map[string]struct {
		relay func(*smtptest.Config)
		// shown is how often the relay has shown its limit.
		shown func(*smtptest.Server) int
	}{
		"connections": {
			func(c *smtptest.Config) { c.MaxConnections = 2 },
			func(srv *smtptest.Server) int { return repliesOf(srv, "421") },
		},
		"mails of a connection": {
			func(c *smtptest.Config) {
				c.Throttle.PerConnection = 4
				c.Dialect.Session = smtptest.Refusal{At: smtptest.Mail, Reply: "421 4.7.0 as many as may be", Close: true}
			},
			func(srv *smtptest.Server) int { return repliesOf(srv, "421") },
		},
		"the secret": {
			func(c *smtptest.Config) {
				c.RequireAuth, c.Mechanisms = true, map[string]smtptest.Mechanism{"PLAIN": says("535 5.7.8 no")}
			},
			func(srv *smtptest.Server) int { return repliesOf(srv, "535") },
		},
	} {
		for _, shared := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, shared: %v", name, shared), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					srv, b := inMemory(t, func(c *smtptest.Config) {
						c.Hooks = []smtptest.Hook{takesTime}
						tc.relay(c)
					})
					if shared {
						b = b.Account(smtp.NewAccount())
					}
					first, second := build(t, b.Clone()), build(t, b)
					count(t, first, false, 60)
					if err := first.Shutdown(t.Context()); err != nil {
						t.Error(err)
					}
					before := tc.shown(srv)
					count(t, second, false, 60)
					if again := tc.shown(srv) - before; before == 0 || (again == 0) != shared {
						t.Errorf("shown %d times, and %d times to the second transport", before, again)
					}
				})
			})
		}
	}
}

// TestAccountIdleLimit: how long the relay lets a connection be idle is learned by one transport, and another one closes its own in
// time.
func TestAccountIdleLimit(t *testing.T) {
	for _, shared := range []bool{true, false} {
		t.Run(fmt.Sprintf("shared: %v", shared), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv, b := inMemory(t, func(c *smtptest.Config) {
					c.IdleTimeout, c.Dialect.Idle = 10*time.Second, smtptest.Refusal{Reply: "421 4.4.2 you say nothing", Close: true}
				})
				if shared {
					b = b.Account(smtp.NewAccount())
				}
				var heard []int
				first, second := build(t, b.Clone()), build(t, b)
				for _, sender := range []transport.Transport{first, first, second} { // the next mail finds the connection at its end
					if _, err := sender.Send(t.Context(), mail(t, "b@example.org")); err != nil {
						t.Fatal(err)
					}
					time.Sleep(15 * time.Second) // of the bubble
					heard = append(heard, repliesOf(srv, "421"))
				}
				want := map[bool][]int{true: {1, 1, 1}, false: {1, 1, 2}}[shared]
				if diff := cmp.Diff(want, heard); diff != "" {
					t.Errorf("how often 421 was said: %s", diff)
				}
			})
		})
	}
}

// TestAccountIdleLimitIsOfAll: what was learned is forgotten for a transport when it allows as long as that transport's own IdleTimeout,
// and for no other one of the account.
func TestAccountIdleLimitIsOfAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, b := inMemory(t, func(c *smtptest.Config) {
			c.Hooks = []smtptest.Hook{func(e smtptest.Event) smtptest.Action {
				if e.At == smtptest.End && e.Session == 1 {
					return smtptest.Default().Then(smtptest.Flush()).Then(smtptest.Pause(30 * time.Second)).Then(smtptest.Reply("421 4.4.2 you say nothing")).Then(smtptest.Close())
				}
				return smtptest.Action{}
			}}
		})
		b = b.Account(smtp.NewAccount()).Chunking(client.ChunkingOff) // no probe is unanswered
		long := build(t, b.Clone().Pool(smtp.Pool{IdleTimeout: 5 * time.Minute}))
		short := build(t, b.Pool(smtp.Pool{IdleTimeout: 20 * time.Second}))
		idleAfter := func(sender *smtp.Transport, wait time.Duration) int {
			t.Helper()
			if _, err := sender.Send(t.Context(), mail(t, "b@example.org")); err != nil {
				t.Fatal(err)
			}
			time.Sleep(wait) // of the bubble
			return sender.Stats().Idle
		}
		idleAfter(long, time.Minute) // three quarters of half a minute are learned by the next mail
		var got []int
		got = append(got, idleAfter(long, 11*time.Minute)) // now it is twice as long
		got = append(got, idleAfter(short, time.Minute))
		got = append(got, idleAfter(long, 40*time.Second), idleAfter(long, 50*time.Second))
		time.Sleep(40 * time.Minute)
		got = append(got, idleAfter(long, 4*time.Minute), idleAfter(long, 6*time.Minute))
		if diff := cmp.Diff([]int{0, 0, 1, 0, 1, 0}, got); diff != "" {
			t.Errorf("idle connections: %s", diff)
		}
	})
}

// repliesOf counts the replies of a server with a code.
func repliesOf(srv *smtptest.Server, code string) (n int) {
	for _, s := range srv.Sessions() {
		n += strings.Count("\r\n"+string(s.Received()), "\r\n"+code+" ")
	}
	return n
}

// TestAccountIsOfOneUser: a transport to another relay or port, or with another user, cannot have the account.
func TestAccountIsOfOneUser(t *testing.T) {
	account := smtp.NewAccount()
	if account.String() != "" {
		t.Errorf("it is %q", account)
	}
	build(t, smtp.Relay("smtp.example.org").Login("user", "hunter2").Account(account))
	build(t, smtp.Relay("smtp.example.org").Login("user", "changed").Account(account))
	for name, b := range map[string]smtp.Builder{
		"host": smtp.Relay("other.example.org").Login("user", "hunter2"),
		"port": smtp.Relay("smtp.example.org").Port(2465).Login("user", "hunter2"),
		"user": smtp.Relay("smtp.example.org").Login("other", "hunter2"),
		"none": smtp.Relay("smtp.example.org"),
	} {
		_, err := b.Account(account).Build()
		if fault, ok := errors.AsType[*smtp.FieldError](err); !ok || fault.Field != "Account" || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", name, err)
		}
	}
	build(t, smtp.Relay("other.example.org").Account(account).Account(nil)) // one of its own
	text := printings(t, account)
	if strings.Count(text, "smtp.example.org:465") < 6 || strings.Contains(text, "hunter2") || strings.Contains(text, "logins") {
		t.Error(text)
	}
}

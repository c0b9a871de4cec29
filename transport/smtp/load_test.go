package smtp_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/policy"
	"github.com/depeche-mail/depeche/transport/smtp"
	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
	"github.com/google/go-cmp/cmp"
)

// inMemory is a relay in a bubble, and a transport to it.
func inMemory(t *testing.T, change func(*smtptest.Config)) (*smtptest.Server, smtp.Builder) {
	t.Helper()
	srv := smtptest.NewUnstartedServer(t)
	srv.Config.Network, srv.Config.Security = "memory", smtptest.Plaintext
	if change != nil {
		change(&srv.Config)
	}
	srv.Start()
	b := smtp.DangerousPlaintext("relay.example.org").Dialer(srv.Dial)
	if srv.Config.RequireAuth {
		b = b.Login(smtptest.User, smtptest.Password).DangerousPlaintextAuth()
	}
	return srv, b
}

// count sends n mails, each by itself and all at once or in one SendAll, and returns how many have each outcome.
func count(t *testing.T, sender transport.Transport, all bool, n int) map[transport.Outcome]int {
	t.Helper()
	outcomes := map[transport.Outcome]int{}
	if all {
		for sent := range transport.SendAll(t.Context(), sender, mailsTo(t, n)) {
			outcomes[sent.Result.Recipients[0].Outcome]++
		}
		return outcomes
	}
	var mu sync.Mutex
	var sends sync.WaitGroup
	for i := range n {
		sends.Go(func() {
			result, _ := sender.Send(t.Context(), mail(t, fmt.Sprintf("r%d@example.org", i))) // the outcome is looked at
			mu.Lock()
			defer mu.Unlock()
			outcomes[result.Recipients[0].Outcome]++
		})
	}
	sends.Wait()
	return outcomes
}

// mailsTo is a sequence of n mails to different recipients.
func mailsTo(t *testing.T, n int) func(func(transport.Mail) bool) {
	t.Helper()
	return func(yield func(transport.Mail) bool) {
		for i := range n {
			if !yield(mail(t, fmt.Sprintf("r%d@example.org", i))) {
				return
			}
		}
	}
}

// storedOnce reports recipients who have a mail twice.
func storedOnce(t *testing.T, srv *smtptest.Server, n int) {
	t.Helper()
	seen := map[string]bool{}
	for _, m := range srv.Messages() {
		for _, to := range m.Addresses() {
			if seen[to] {
				t.Errorf("%s has it twice", to)
			}
			seen[to] = true
		}
	}
	if len(seen) != n {
		t.Errorf("%d recipients have their mail, want %d", len(seen), n)
	}
}

// refusalsOfAThird are ways in which a relay says that two connections are enough.
var refusalsOfAThird = map[string]smtptest.Refusal{
	"421 at the greeting":       {At: smtptest.Greeting, Reply: "421 4.7.0 relay Error: too many connections from 192.0.2.1", Close: true},
	"554 at the greeting":       {At: smtptest.Greeting, Reply: "554 5.3.2 too many concurrent SMTP connections", Close: true},
	"421 to EHLO":               {At: "EHLO", Reply: "421 4.3.2 busy", Close: true},
	"454 to AUTH":               {At: smtptest.Auth, Reply: "454 4.7.0 too many logins"},
	"421 to MAIL":               {At: smtptest.Mail, Reply: "421 4.3.2 concurrent connections limit exceeded", Close: true},
	"432 4.3.2 to MAIL":         {At: smtptest.Mail, Reply: "432 4.3.2 concurrent connections limit exceeded"},
	"450 4.3.2 to MAIL":         {At: smtptest.Mail, Reply: "450 4.3.2 system not accepting network messages"},
	"451 4.7.0 to MAIL":         {At: smtptest.Mail, Reply: "451 4.7.0 Too many connections from your host"},
	"452 4.5.3 to MAIL":         {At: smtptest.Mail, Reply: "452 4.5.3 Too many messages sent"},
	"closed at the greeting":    {At: smtptest.Greeting, Close: true},
	"closed after the greeting": {At: "EHLO", Close: true},
}

// TestMoreConnectionsThanTheRelayTakes: a relay that bears two connections of a pool of ten, whatever its words, costs no
// mail and gets none twice.
func TestMoreConnectionsThanTheRelayTakes(t *testing.T) {
	for name, refusal := range refusalsOfAThird {
		for all, n := range map[bool]int{false: 30, true: 1000} {
			t.Run(fmt.Sprintf("%s, all: %v", name, all), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					srv, b := inMemory(t, func(c *smtptest.Config) {
						c.MaxConnections, c.Dialect.Connections, c.RequireAuth = 2, refusal, true
						c.Hooks = []smtptest.Hook{takesTime}
					})
					sender := build(t, b.Pool(smtp.Pool{MaxOpen: 10}))
					if diff := cmp.Diff(map[transport.Outcome]int{transport.Accepted: n}, count(t, sender, all, n)); diff != "" {
						t.Error(diff)
					}
					few := map[bool]int{false: 2, true: 1}[refusal.At == smtptest.Auth] // what is remembered of a login keeps it from being tried
					if s := sender.Stats(); refusal.Reply != "" && (s.Limit < few || s.Limit > 2 || s.Refused == 0) {
						t.Errorf("learned %v", s)
					}
					storedOnce(t, srv, n)
					if err := sender.Shutdown(t.Context()); err != nil {
						t.Error(err)
					}
				})
			})
		}
	}
}

// TestFirstLoginDecides: a relay that bears two connections and refuses the login of each younger one costs no mail, also
// when the older ones are slow to log in, and when all are closed meanwhile.
func TestFirstLoginDecides(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv, b := inMemory(t, func(c *smtptest.Config) {
			c.MaxConnections, c.Dialect.Connections, c.RequireAuth = 2, refusalsOfAThird["454 to AUTH"], true
			c.Hooks = []smtptest.Hook{takesTime, func(e smtptest.Event) smtptest.Action {
				if e.At == "EHLO" {
					time.Sleep(time.Second / time.Duration(e.Session)) // of the bubble: the last one logs in first
				}
				return smtptest.Action{}
			}}
		})
		sender := build(t, b.Pool(smtp.Pool{MaxOpen: 10}))
		for range 2 {
			if diff := cmp.Diff(map[transport.Outcome]int{transport.Accepted: 30}, count(t, sender, false, 30)); diff != "" {
				t.Errorf("%v\n%s", sender.Stats(), diff)
			}
			time.Sleep(time.Hour) // of the bubble: none is open any more, and no limit is known
		}
		if n := len(srv.Messages()); n != 60 {
			t.Errorf("%d messages", n)
		}
	})
}

// takesTime is a relay that needs a moment for each mail, so that others come meanwhile.
func takesTime(e smtptest.Event) smtptest.Action {
	if e.At == smtptest.End {
		time.Sleep(10 * time.Millisecond) // of the bubble
	}
	return smtptest.Action{}
}

// TestLimitIsToldAndForgotten: what the pool learns of the number of connections is seen, rises by one in a minute, and is
// forgotten.
func TestLimitIsToldAndForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, b := inMemory(t, func(c *smtptest.Config) {
			c.MaxConnections, c.Hooks = 2, []smtptest.Hook{takesTime}
		})
		var mu sync.Mutex
		var told []int
		ctx := transport.WithObserver(t.Context(), observerFunc(func(d transport.Decision) {
			if d.Kind == transport.DecisionConnectionLimit {
				mu.Lock()
				defer mu.Unlock()
				told = append(told, d.Limit)
			}
		}))
		sender := build(t, b.Pool(smtp.Pool{MaxOpen: 10}))
		if _, err := sender.Send(ctx, mail(t, "b@example.org")); err != nil {
			t.Fatal(err)
		}
		count(t, sender, false, 30)
		var limits []int
		for range 11 {
			limits = append(limits, sender.Stats().Limit)
			time.Sleep(time.Minute)
		}
		if diff := cmp.Diff([]int{2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 0}, limits); diff != "" {
			t.Error(diff)
		}
		count(t, sender, false, 30)
		mu.Lock()
		defer mu.Unlock()
		// Two goroutines that learn at the same instant tell in any order.
		if at := slices.Index(told, 0); at < 1 || !slices.Contains(told[:at], 2) || !slices.Contains(told[at:], 2) || sender.Stats().Limit != 2 {
			t.Errorf("told of limits %v, want 2, 0, and 2 again; it is %d", told, sender.Stats().Limit)
		}
	})
}

// observerFunc is an observer of decisions alone.
type observerFunc func(transport.Decision)

func (observerFunc) Begin(context.Context, transport.Mail) func(*transport.Result, error) { return nil }
func (f observerFunc) Decide(_ context.Context, d transport.Decision)                     { f(d) }

// TestRefusalDecidesForAll: with no connection open, the refusal that one mail meets is that of all who wait, and the
// relay is not asked by each of them.
func TestRefusalDecidesForAll(t *testing.T) {
	for name, refusal := range map[string]smtptest.Refusal{
		"421 at the greeting": {At: smtptest.Greeting, Reply: "421 4.3.2 down for maintenance", Close: true},
		"454 to AUTH":         {At: smtptest.Auth, Reply: "454 4.7.0 later"},
		"421 to MAIL":         {At: smtptest.Mail, Reply: "421 4.3.2 later", Close: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv, b := inMemory(t, func(c *smtptest.Config) {
					c.RequireAuth = true
					c.Hooks = []smtptest.Hook{func(e smtptest.Event) smtptest.Action {
						if e.At == refusal.At {
							time.Sleep(time.Second) // of the bubble: the others come to wait
							return smtptest.Reply(refusal.Reply + "\r\n").Then(smtptest.Close())
						}
						return smtptest.Action{}
					}}
				})
				sender := build(t, b.Pool(smtp.Pool{MaxOpen: 3}))
				got := count(t, sender, false, 30)
				if got[transport.NotSent]+got[transport.Deferred] != 30 {
					t.Errorf("outcomes %v", got)
				}
				if n := len(srv.Sessions()); n > 3 {
					t.Errorf("%d connections", n)
				}
			})
		})
	}
}

// TestSendAllWaitsForRelay: a relay that is down for two minutes costs no mail of a SendAll, and meanwhile each worker
// holds one mail.
func TestSendAllWaitsForRelay(t *testing.T) {
	const n = 2000
	for name, down := range map[string]smtptest.Action{
		"refuses connections": smtptest.Reply("421 4.3.2 restarting\r\n").Then(smtptest.Close()),
		"closes connections":  smtptest.Close(),
		"554 at the greeting": smtptest.Reply("554 5.3.2 no service\r\n").Then(smtptest.Close()),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				begin := time.Now()
				isDown := func() bool { return time.Since(begin) > 5*time.Second && time.Since(begin) < 2*time.Minute }
				srv, b := inMemory(t, func(c *smtptest.Config) {
					c.Hooks = []smtptest.Hook{func(e smtptest.Event) smtptest.Action {
						switch {
						case isDown() && e.At == smtptest.Greeting:
							return down
						case isDown() && e.At == smtptest.Mail:
							return smtptest.Reply("421 4.3.2 shutting down\r\n").Then(smtptest.Close())
						case e.At == smtptest.Mail:
							time.Sleep(20 * time.Millisecond)
						}
						return smtptest.Action{}
					}}
				})
				sender := build(t, b.ResendUnsent().Pool(smtp.Pool{MaxOpen: 4}))
				var told []transport.DecisionKind
				ctx := transport.WithObserver(t.Context(), observerFunc(func(d transport.Decision) {
					if strings.HasPrefix(string(d.Kind), "relay.") {
						told = append(told, d.Kind)
					}
				}))
				taken := 0
				got := map[transport.Outcome]int{}
				for sent := range sender.SendAll(ctx, func(yield func(transport.Mail) bool) {
					for i := range n {
						if taken++; !yield(mail(t, fmt.Sprintf("r%d@example.org", i))) {
							return
						}
					}
				}) {
					got[sent.Result.Recipients[0].Outcome]++
				}
				if diff := cmp.Diff(map[transport.Outcome]int{transport.Accepted: n}, got); diff != "" {
					t.Error(diff)
				}
				if diff := cmp.Diff([]transport.DecisionKind{transport.DecisionRelayDown, transport.DecisionRelayBack}, told); diff != "" {
					t.Error(diff)
				}
				if took := time.Since(begin); took > 2*time.Minute+30*time.Second {
					t.Errorf("it took %v", took)
				}
				storedOnce(t, srv, n)
			})
		})
	}
}

// TestPatienceEnds: after the bound of WaitForRelay, and at the end of ctx, the mails fail, each once.
func TestPatienceEnds(t *testing.T) {
	for name, tc := range map[string]struct {
		step func(smtp.Builder) smtp.Builder
		ctx  time.Duration // without an end, a patience that does not end would hang the test instead of failing it
		want time.Duration
	}{
		"the default": {func(b smtp.Builder) smtp.Builder { return b }, time.Hour, 5 * time.Minute},
		"a bound":     {func(b smtp.Builder) smtp.Builder { return b.WaitForRelay(time.Minute) }, time.Hour, time.Minute},
		"none":        {func(b smtp.Builder) smtp.Builder { return b.WaitForRelay(0) }, time.Hour, 0},
		"the ctx":     {func(b smtp.Builder) smtp.Builder { return b }, 30 * time.Second, 30 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, b := inMemory(t, func(c *smtptest.Config) {
					c.Hooks = []smtptest.Hook{smtptest.On(smtptest.Greeting, smtptest.Close())}
				})
				ctx, cancel := context.WithTimeout(t.Context(), tc.ctx)
				defer cancel()
				begin, first := time.Now(), time.Duration(-1)
				n := 0
				for sent := range build(t, tc.step(b)).SendAll(ctx, mailsTo(t, 100)) {
					if first < 0 {
						first = time.Since(begin)
					}
					if o := sent.Result.Recipients[0].Outcome; o != transport.NotSent {
						t.Errorf("%v", o)
					}
					n++
				}
				if n != 100 || first < tc.want || first > tc.want+11*time.Second {
					t.Errorf("%d mails ended, the first after %v, want %v", n, first, tc.want)
				}
			})
		})
	}
}

// TestFailoverDoesNotWait: with another relay to go to, no mail waits for one that is down.
func TestFailoverDoesNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, down := inMemory(t, func(c *smtptest.Config) {
			c.Hooks = []smtptest.Hook{smtptest.On(smtptest.Greeting, smtptest.Close())}
		})
		up, good := inMemory(t, nil)
		both, err := policy.Failover{Relays: []transport.Transport{build(t, down), build(t, good)}}.Build()
		if err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		if diff := cmp.Diff(map[transport.Outcome]int{transport.Accepted: 200}, count(t, both, true, 200)); diff != "" {
			t.Error(diff)
		}
		if took := time.Since(begin); took > 10*time.Second { // the pauses of the first attempts
			t.Errorf("it took %v", took)
		}
		storedOnce(t, up, 200)
	})
}

// TestBreakerSeesTheOutage: under a breaker the mails of a SendAll fail at once, so that it opens.
func TestBreakerSeesTheOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, down := inMemory(t, func(c *smtptest.Config) {
			c.Hooks = []smtptest.Hook{smtptest.On(smtptest.Greeting, smtptest.Close())}
		})
		breaker, err := policy.Breaker{Next: build(t, down)}.Build()
		if err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		count(t, breaker, true, 100)
		if took := time.Since(begin); took > 10*time.Second {
			t.Errorf("it took %v", took)
		}
	})
}

// TestMailThatAlwaysMeets421: a mail that is refused about load while others get through ends with the refusal.
func TestMailThatAlwaysMeets421(t *testing.T) {
	for _, all := range []bool{false, true} {
		t.Run(fmt.Sprintf("all: %v", all), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, b := inMemory(t, func(c *smtptest.Config) {
					c.Hooks = []smtptest.Hook{func(e smtptest.Event) smtptest.Action {
						if e.At == smtptest.Mail && strings.Contains(e.Line, "bad@") {
							return smtptest.Reply("421 4.7.0 not from you\r\n").Then(smtptest.Close())
						}
						return smtptest.Action{}
					}}
				})
				sender := build(t, b.Pool(smtp.Pool{MaxOpen: 2}))
				env, err := envelope.New(address(t, "bad@example.org"), address(t, "b@example.org"))
				if err != nil {
					t.Fatal(err)
				}
				bad := transport.Raw(env, []byte(content))
				if !all {
					result, _ := sender.Send(t.Context(), bad)
					if result.Recipients[0].Outcome != transport.Deferred {
						t.Errorf("%v", result.Recipients)
					}
					return
				}
				got := map[transport.Outcome]int{}
				for sent := range sender.SendAll(t.Context(), func(yield func(transport.Mail) bool) {
					for i := range 200 {
						next := mail(t, "b@example.org")
						if i == 50 {
							next = bad
						}
						if !yield(next) {
							return
						}
						time.Sleep(time.Second)
					}
				}) {
					if sent.Index == 199 && got[transport.Deferred] == 0 {
						t.Error("it is still tried when all others have ended")
					}
					got[sent.Result.Recipients[0].Outcome]++
				}
				if diff := cmp.Diff(map[transport.Outcome]int{transport.Accepted: 199, transport.Deferred: 1}, got); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

// TestSoakWithSome421: ten minutes with one 421 in a thousand mails, at random, teach no limit of mails over one
// connection and no limit of connections that lasts: the newsletter is as fast at its end as at its beginning.
func TestSoakWithSome421(t *testing.T) {
	for name, at := range map[string]string{"MAIL": smtptest.Mail, "RSET or MAIL": ""} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var mu sync.Mutex
				random := rand.New(rand.NewPCG(1, 0))
				refused := 0
				_, b := inMemory(t, func(c *smtptest.Config) {
					c.Forget = true
					c.Hooks = []smtptest.Hook{func(e smtptest.Event) smtptest.Action {
						if e.At == smtptest.End {
							time.Sleep(100 * time.Millisecond) // of the bubble
						}
						if e.At != smtptest.Mail && (at != "" || e.At != smtptest.Rset) {
							return smtptest.Action{}
						}
						mu.Lock()
						defer mu.Unlock()
						if random.IntN(1000) > 0 {
							return smtptest.Action{}
						}
						refused++
						return smtptest.Reply("421 4.3.2 overloaded\r\n").Then(smtptest.Close())
					}}
				})
				sender := build(t, b.Pool(smtp.Pool{MaxOpen: 10, MaxAge: time.Hour}))
				const length = 10 * time.Minute
				ctx, cancel := context.WithTimeout(t.Context(), length)
				defer cancel()
				begin, ended := time.Now(), [2]int{}
				for _, err := range sender.SendAll(ctx, endless(ctx, t)) {
					since := time.Since(begin)
					if since == length { // the limit of a connection may end the mail before ctx says so, in the same instant
						break
					}
					if err != nil {
						t.Fatal(err)
					}
					ended[2*since/length]++
				}
				if s := sender.Stats(); s.Opened > 10+2*refused {
					t.Errorf("%d connections, 421 was said %d times: %v", s.Opened, refused, s)
				}
				if ended[1] < ended[0]*95/100 || ended[0] < 27_000 {
					t.Errorf("%v mails in each half, alone 30,000 can be", ended)
				}
			})
		})
	}
}

package smtp_test

import (
	"bytes"
	"context"
	"fmt"
	"iter"
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
)

// throttled is a relay in memory that counts what it takes and refuses.
type throttled struct {
	*smtptest.Server

	mu    sync.Mutex
	begin time.Time
	taken []time.Duration // since begin
	who   map[string]int  // by sender, since the last reset
}

func newThrottled(t *testing.T, change func(*smtptest.Config)) *throttled {
	t.Helper()
	x := &throttled{Server: smtptest.NewUnstartedServer(t), begin: time.Now(), who: map[string]int{}}
	c := &x.Config
	c.Network, c.Security = "memory", smtptest.Plaintext
	c.Receive = func(m smtptest.Message) error {
		x.mu.Lock()
		defer x.mu.Unlock()
		x.taken = append(x.taken, time.Since(x.begin))
		x.who[m.From.Address]++
		return nil
	}
	change(c)
	x.Start()
	return x
}

// between returns how many mails were taken from one time on until another.
func (x *throttled) between(from, to time.Duration) (n int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, at := range x.taken {
		if at >= from && at < to {
			n++
		}
	}
	return n
}

// said returns how often the server has said something.
func (x *throttled) said(text string) (n int) {
	for _, s := range x.Sessions() {
		n += bytes.Count(s.Received(), []byte(text))
	}
	return n
}

// sender is a program with a pool of its own.
func (x *throttled) sender(t *testing.T, pace policy.Pace) transport.Transport {
	t.Helper()
	pace.Next = build(t, smtp.UnencryptedLocalhost().Dialer(x.Dial))
	p, err := pace.Build()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// newsOf are mails from a sender until ctx ends.
func newsOf(ctx context.Context, t *testing.T, from string, to func(i int) string) iter.Seq[transport.Mail] {
	return func(yield func(transport.Mail) bool) {
		for i := 0; ctx.Err() == nil; i++ {
			if !yield(mailFrom(t, from, to(i))) {
				return
			}
		}
	}
}

// TestPaceFindsTheRate: against a relay that takes r mails a second, 0.9 r are sent within 30 seconds, no mail is given
// up, and at most 2 % of the attempts are refused.
func TestPaceFindsTheRate(t *testing.T) {
	for _, dialect := range []string{"postfix", "ses", "gmail"} {
		for _, r := range []int{10, 50} {
			t.Run(fmt.Sprintf("%s %d", dialect, r), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					srv := newThrottled(t, func(c *smtptest.Config) {
						c.Throttle.Rate, c.Dialect.Name = smtptest.Rate{Count: r}, dialect
						c.Hooks = []smtptest.Hook{smtptest.On(smtptest.Data, smtptest.Pause(20*time.Millisecond).Then(smtptest.Default()))}
					})
					defer srv.Close()
					p := srv.sender(t, policy.Pace{})
					defer transport.Close(p)
					const settled, end = 30 * time.Second, 120 * time.Second
					words := map[string]string{"postfix": "450 4.7.1", "ses": "454 Throttling", "gmail": "450 4.2.1"}[dialect]
					before, after := 0, 0
					ctx, cancel := context.WithCancel(t.Context())
					time.AfterFunc(settled, func() { before = srv.said(words) })
					time.AfterFunc(end, func() { after = srv.said(words); cancel() })
					for sent, err := range transport.SendAll(context.WithoutCancel(ctx), p, newsOf(ctx, t, "a@example.org", func(i int) string { return fmt.Sprintf("r%d@example.net", i) })) {
						if err != nil {
							t.Fatalf("%v: %v", sent.Index, err)
						}
					}
					taken, refused := srv.between(settled, end), after-before
					want := float64(r) * (end - settled).Seconds()
					t.Logf("taken %.3f r, refused %.2f %%", float64(taken)/want, 100*float64(refused)/float64(taken+refused))
					if float64(taken) < 0.9*want || float64(refused) > 0.02*float64(taken+refused) {
						t.Errorf("%d of %.0f mails were taken, %d refused", taken, want, refused)
					}
				})
			})
		}
	}
}

// TestPaceShares: two programs that know nothing of each other get 40 to 60 % each over a minute.
func TestPaceShares(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := newThrottled(t, func(c *smtptest.Config) {
			c.Throttle.Rate, c.Dialect.Name = smtptest.Rate{Count: 50}, "postfix"
		})
		defer srv.Close()
		ctx, cancel := context.WithCancel(t.Context())
		var programs sync.WaitGroup
		for _, from := range []string{"a@example.org", "b@example.org"} {
			p := srv.sender(t, policy.Pace{})
			defer transport.Close(p)
			programs.Go(func() {
				for _, err := range transport.SendAll(context.WithoutCancel(ctx), p, newsOf(ctx, t, from, func(int) string { return "r@example.net" })) {
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
		time.Sleep(30 * time.Second)
		srv.mu.Lock()
		clear(srv.who)
		srv.mu.Unlock()
		time.Sleep(time.Minute)
		srv.mu.Lock()
		a, b := srv.who["a@example.org"], srv.who["b@example.org"]
		srv.mu.Unlock()
		cancel()
		programs.Wait()
		t.Logf("%d and %d", a, b)
		if share := float64(a) / float64(a+b); share < 0.4 || share > 0.6 || a+b < 50*60*9/10 {
			t.Errorf("%d and %d mails of %d", a, b, 50*60)
		}
	})
}

// TestPaceLanes: a domain that is throttled slows its own mail only.
func TestPaceLanes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := newThrottled(t, func(c *smtptest.Config) {
			c.Throttle.Domains = map[string]smtptest.Rate{"slow.example": {Count: 2}}
		})
		defer srv.Close()
		p := srv.sender(t, policy.Pace{Max: policy.Rate{Count: 50}})
		defer transport.Close(p)
		slow, last := 0, time.Duration(0)
		mails := func(yield func(transport.Mail) bool) {
			for i := range 3000 {
				to := fmt.Sprintf("r%d@fast.example", i)
				if i%20 == 0 {
					to = fmt.Sprintf("r%d@SLOW.example", i)
				}
				if !yield(mailFrom(t, "a@example.org", to)) {
					return
				}
			}
		}
		begin := time.Now()
		for sent, err := range transport.SendAll(t.Context(), p, mails) {
			if err != nil {
				t.Fatal(err)
			}
			if to := sent.Result.Recipients[0].Address.Domain(); strings.EqualFold(to, "slow.example") {
				slow++
			} else {
				last = time.Since(begin)
			}
		}
		t.Logf("fast in %v, all in %v, %d slow", last, time.Since(begin), slow)
		if slow != 150 || last > 75*time.Second {
			t.Errorf("%d mails to the slow domain; the others took %v, want a minute at 50 a second", slow, last)
		}
		if took := time.Since(begin); took > 100*time.Second {
			t.Errorf("150 mails at 2 a second took %v", took)
		}
		if n := srv.said("450 4.7.1"); n > 20 {
			t.Errorf("%d refusals", n)
		}
	})
}

func mailFrom(t *testing.T, from, to string) transport.Mail {
	t.Helper()
	env, err := envelope.New(address(t, from), address(t, to))
	if err != nil {
		t.Fatal(err)
	}
	return transport.Raw(env, []byte(content))
}

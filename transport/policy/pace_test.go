package policy_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/policy"
	"github.com/depeche-mail/depeche/transport/stub"
	"github.com/google/go-cmp/cmp"
)

// begins returns when each attempt began, rounded.
func begins(s *stub.Transport, since time.Time, to time.Duration) []time.Duration {
	var list []time.Duration
	for _, c := range s.Calls() {
		list = append(list, c.Begin.Sub(since).Round(to))
	}
	return list
}

// TestPaceWaits: what a relay refuses because of itself or the account is sent again, no sooner than it asks; what it
// says of the mail, or of an address, is not.
func TestPaceWaits(t *testing.T) {
	const s, m, h = time.Second, time.Minute, time.Hour
	busy, inAMinute := stub.Reject(transport.PhaseMail, 450, "4.3.2 busy"), stub.Reject(transport.PhaseMail, 450, "4.3.2 try again in 1 minute")
	for name, tc := range map[string]struct {
		pace    policy.Pace
		answers []stub.Answer
		want    []time.Duration // of the attempts
		outcome transport.Outcome
	}{
		"a rate":                 {policy.Pace{}, []stub.Answer{busy}, []time.Duration{0, s}, transport.Accepted},
		"the wait it asks for":   {policy.Pace{}, []stub.Answer{stub.Reject(transport.PhaseMail, 421, "4.7.0 too many mails, try again in 30 minutes")}, []time.Duration{0, 30 * m}, transport.Accepted},
		"a quota by 5yz":         {policy.Pace{}, []stub.Answer{stub.Reject(transport.PhaseFinal, 554, "daily limit exceeded, try again in 2 minutes")}, []time.Duration{0, 2 * m}, transport.Accepted},
		"refused on and on":      {policy.Pace{}, []stub.Answer{busy, busy, busy, busy}, []time.Duration{0, s, 2 * s, 4 * s, 8 * s}, transport.Accepted},
		"the greeting":           {policy.Pace{}, []stub.Answer{stub.Reject(transport.PhaseGreeting, 421, "too many connections")}, []time.Duration{0, s}, transport.Accepted},
		"longer than MaxWait":    {policy.Pace{}, []stub.Answer{stub.Reject(transport.PhaseMail, 450, "4.3.2 try again in 2 hours")}, []time.Duration{0}, transport.Deferred},
		"a longer MaxWait":       {policy.Pace{MaxWait: 2 * h}, []stub.Answer{stub.Reject(transport.PhaseMail, 450, "4.3.2 try again in 2 hours")}, []time.Duration{0, 2 * h}, transport.Accepted},
		"longer in all":          {policy.Pace{MaxWait: 3 * s / 2}, []stub.Answer{busy, busy, busy, busy}, []time.Duration{0, s, 2 * s}, transport.Deferred},
		"short waits, on and on": {policy.Pace{MaxWait: 5 * m / 2}, []stub.Answer{inAMinute, inAMinute, inAMinute, inAMinute}, []time.Duration{0, m, 2 * m, 3 * m}, transport.Deferred},
		"a bad address":          {policy.Pace{}, []stub.Answer{stub.Reject(transport.PhaseRcpt, 450, "4.2.1 mailbox busy")}, []time.Duration{0}, transport.Deferred},
		"a policy":               {policy.Pace{}, []stub.Answer{stub.Reject(transport.PhaseRcpt, 450, "4.7.1 greylisted")}, []time.Duration{0}, transport.Deferred},
		"for good":               {policy.Pace{}, []stub.Answer{stub.Reject(transport.PhaseMail, 550, "5.3.2 no")}, []time.Duration{0}, transport.Rejected},
		"unreachable":            {policy.Pace{}, []stub.Answer{stub.Fail(transport.PhaseDial, io.EOF)}, []time.Duration{0}, transport.NotSent},
		"no verdict":             {policy.Pace{}, []stub.Answer{stub.LoseReply()}, []time.Duration{0}, transport.Unknown},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				far := stub.New().Next(tc.answers...)
				tc.pace.Next = far
				begin := time.Now()
				result, _ := build(t, tc.pace).Send(t.Context(), mail(t, "x@example.org"))
				if got := result.Recipients[0].Outcome; got != tc.outcome {
					t.Errorf("%v, want %v", got, tc.outcome)
				}
				if diff := cmp.Diff(tc.want, begins(far, begin, time.Second)); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

// TestPaceRates: where the search begins, and where it ends.
func TestPaceRates(t *testing.T) {
	rated := func(n int, per time.Duration) transport.Transport { return &rated{stub.New(), n, per} }
	for name, tc := range map[string]struct {
		pace policy.Pace
		want time.Duration // that 21 mails take, one by one
	}{
		"one a second, doubled": {policy.Pace{Next: stub.New()}, 3 * time.Second},
		"as Next says":          {policy.Pace{Next: rated(30, time.Minute)}, 39 * time.Second},
		"through others":        {policy.Pace{Next: build(t, policy.Tee{Next: build(t, policy.Observe{Next: rated(30, time.Minute), Observer: &counting{t: t}}), Copy: stub.New()})}, 39 * time.Second},
		"no more than Max":      {policy.Pace{Next: stub.New(), Max: policy.Rate{Count: 2}}, 10 * time.Second},
		"Start":                 {policy.Pace{Next: rated(30, time.Minute), Start: policy.Rate{Count: 20}}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := build(t, tc.pace)
				begin := time.Now()
				var sends sync.WaitGroup
				for range 21 {
					sends.Go(func() {
						if _, err := p.Send(t.Context(), mail(t, "x@example.org")); err != nil {
							t.Error(err)
						}
					})
				}
				sends.Wait()
				if took := time.Since(begin); took < tc.want*9/10 || took > tc.want*11/10+time.Second {
					t.Errorf("took %v, want about %v", took, tc.want)
				}
			})
		})
	}
}

// rated is a relay that knows its rate.
type rated struct {
	*stub.Transport

	messages int
	per      time.Duration
}

func (r *rated) MessageRate() (int, time.Duration) { return r.messages, r.per }

// TestPaceWarmUp: what is beyond the number of a day waits for the next; what was refused does not count.
func TestPaceWarmUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		far := stub.New().Next(stub.Accept(), stub.Reject(transport.PhaseMail, 450, "4.3.2 busy"))
		begin := time.Now()
		p := build(t, policy.Pace{Next: far, Start: policy.Rate{Count: 1000}, WarmUp: []int{2, 3}, WarmUpFrom: begin.Add(-12 * time.Hour)})
		for range 8 {
			if _, err := p.Send(t.Context(), mail(t, "x@example.org")); err != nil {
				t.Fatal(err)
			}
		}
		const tomorrow, after = 12 * time.Hour, 36 * time.Hour
		want := []time.Duration{0, 0, 0, tomorrow, tomorrow, tomorrow, after, after, after}
		if diff := cmp.Diff(want, begins(far, begin, time.Minute)); diff != "" {
			t.Error(diff)
		}
	})
}

// TestPaceEnds: a mail that waits ends with its ctx, and with Close, and gives its place to the next.
func TestPaceEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		next := transport.Func(func(_ context.Context, m transport.Mail) (*transport.Result, error) { // which does not hear of Close
			return transport.NewResult(m.Envelope(), transport.Accepted, transport.Reply{Code: 250}), nil
		})
		slow := policy.Rate{Count: 1, Per: time.Minute}
		p := build(t, policy.Pace{Next: next, Start: slow, Max: slow})
		send := func(ctx context.Context) error {
			_, err := p.Send(ctx, mail(t, "x@example.org"))
			return err
		}
		if err := send(t.Context()); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var waits sync.WaitGroup
		begin := time.Now()
		waits.Go(func() {
			err := send(ctx)
			if failed := new(transport.SendError); !errors.Is(err, context.DeadlineExceeded) || !errors.As(err, &failed) || failed.Phase != transport.PhaseWait || !failed.SafeToRetry() {
				t.Errorf("%v", err)
			} else if !strings.Contains(err.Error(), "waiting for the pace of the relay") {
				t.Error(err)
			}
		})
		synctest.Wait()
		waits.Go(func() {
			if err := send(t.Context()); err != nil || time.Since(begin) > 70*time.Second {
				t.Errorf("the next one: %v after %v", err, time.Since(begin))
			}
		})
		waits.Wait()
		time.AfterFunc(time.Second, func() { _ = transport.Close(p) })
		if err := send(t.Context()); !errors.Is(err, transport.ErrClosed) {
			t.Error(err)
		}
	})
}

// TestPaceAllOrNothing: a mail that goes to all or to none waits as a whole; of others, those who were refused.
func TestPaceAllOrNothing(t *testing.T) {
	for name, tc := range map[string]struct {
		whole bool
		want  []int // recipients of the attempts
	}{
		"those who were refused": {false, []int{2, 1}},
		"the whole":              {true, []int{2, 2}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var sizes []int
				relay := transport.Func(func(_ context.Context, m transport.Mail) (*transport.Result, error) {
					sizes = append(sizes, m.Envelope().Len())
					result := transport.NewResult(m.Envelope(), transport.Accepted, transport.Reply{Code: 250})
					if len(sizes) > 1 {
						return result, nil
					}
					said := transport.Reply{Code: 450, Enhanced: "4.3.2"}
					result.Recipients[1] = transport.RecipientResult{
						Address: result.Recipients[1].Address, Outcome: transport.Deferred, Reply: said, Fault: transport.FaultRelay,
					}
					failed := &transport.SendError{Result: result, Phase: transport.PhaseRcpt, Reply: said}
					if tc.whole {
						result.Recipients[0].Outcome, result.Recipients[0].Reply = transport.NotSent, transport.Reply{}
						failed.Err = keptBackError{errors.New("all or nothing")}
					}
					return result, failed
				})
				result, err := build(t, policy.Pace{Next: relay}).Send(t.Context(), mail(t, "x@example.org", "y@example.org"))
				if err != nil || !result.AllAccepted() {
					t.Fatalf("%v", err)
				}
				if diff := cmp.Diff(tc.want, sizes); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

// TestPaceTells: the eyes hear of each lower rate, with the reason, and of long waits.
func TestPaceTells(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []string
		eyes := &telling{tell: func(d transport.Decision) {
			told = append(told, fmt.Sprintf("%s %s %v %t", d.Kind, d.State, d.Wait.Round(time.Second), d.Err != nil))
		}}
		far := stub.Named("a").Next(
			stub.Reject(transport.PhaseMail, 450, "4.3.2 busy, try again in 10 seconds"), stub.Accept(),
			stub.Reject(transport.PhaseRcpt, 450, "4.3.2 too many mails for example.net, try again in 5 minutes"),
		)
		o := build(t, policy.Observe{Next: build(t, policy.Pace{Next: far, Start: policy.Rate{Count: 10}}), Observer: eyes})
		for _, to := range []string{"x@example.org", "y@example.net"} {
			if _, err := o.Send(t.Context(), mail(t, to)); err != nil {
				t.Fatal(err)
			}
		}
		want := []string{"pace a: 0.95 a second 10s true", "throttle  10s false", "pace example.net: 1 a second 5m0s true", "throttle  5m0s false"}
		if diff := cmp.Diff(want, told); diff != "" {
			t.Error(diff)
		}
	})
}

// telling is an observer of decisions.
type telling struct{ tell func(transport.Decision) }

func (*telling) Begin(context.Context, transport.Mail) func(*transport.Result, error) { return nil }
func (o *telling) Decide(_ context.Context, d transport.Decision)                     { o.tell(d) }

// TestPaceDomains: a domain that is refused has a lane of its own, and for ten minutes mail to it goes apart; three at
// the same time are the relay.
func TestPaceDomains(t *testing.T) {
	const asked = time.Minute
	for name, tc := range map[string]struct {
		refused int
		want    time.Duration // until a mail to another domain goes
	}{"two": {2, 0}, "three": {3, asked}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				far := stub.New()
				p := build(t, policy.Pace{Next: far, Start: policy.Rate{Count: 1000}})
				var sends sync.WaitGroup
				for i := range tc.refused {
					to := fmt.Sprintf("x@d%d.example", i)
					far.NextFor(to, stub.Reject(transport.PhaseRcpt, 450, "4.3.2 too many mails, try again in 1 minutes"))
					sends.Go(func() {
						if _, err := p.Send(t.Context(), mail(t, to)); err != nil {
							t.Error(err)
						}
					})
				}
				time.Sleep(time.Second)
				begin := time.Now()
				if _, err := p.Send(t.Context(), mail(t, "x@other.example")); err != nil {
					t.Error(err)
				}
				if took := time.Since(begin).Round(10 * time.Second); took != tc.want {
					t.Errorf("a mail to another domain waited %v, want %v", took, tc.want)
				}
				sends.Wait()
				time.Sleep(time.Second)
				var apart []int
				for range 2 {
					before := len(far.Calls())
					if _, err := p.Send(t.Context(), mail(t, "x@d0.example", "x@other.example")); err != nil {
						t.Error(err)
					}
					apart = append(apart, len(far.Calls())-before)
					time.Sleep(11 * time.Minute)
				}
				want := []int{2, 1}
				if tc.refused > 2 { // the lanes are gone
					want = []int{1, 1}
				}
				if diff := cmp.Diff(want, apart); diff != "" {
					t.Errorf("the attempts for a mail to two domains, now and later: %s", diff)
				}
			})
		})
	}
}

// TestPaceSessions: a session that is refused for now, before any mail, is too much as well; one that cannot be had, or a
// login that is wrong, is for a policy above.
func TestPaceSessions(t *testing.T) {
	const relay, account = transport.FaultRelay, transport.FaultAccount
	for name, tc := range map[string]struct {
		phase transport.Phase
		code  int
		fault transport.Fault
		wait  time.Duration
		again bool
	}{
		"too many connections": {transport.PhaseGreeting, 421, relay, 0, true},
		"not from here":        {transport.PhaseGreeting, 554, relay, 0, false},
		"no TLS now":           {transport.PhaseTLS, 454, relay, 0, false},
		"logins not now":       {transport.PhaseAuth, 454, relay, 0, true},
		"a wrong password":     {transport.PhaseAuth, 535, account, 0, false},
		"a login with a quota": {transport.PhaseAuth, 535, account, time.Minute, true},
		"closing":              {transport.PhaseMail, 421, relay, 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				calls := 0
				next := transport.Func(func(_ context.Context, m transport.Mail) (*transport.Result, error) {
					if calls++; calls > 1 {
						return transport.NewResult(m.Envelope(), transport.Accepted, transport.Reply{Code: 250}), nil
					}
					result := transport.NewResult(m.Envelope(), transport.NotSent, transport.Reply{})
					result.Recipients[0].Fault, result.Recipients[0].RetryAfter = tc.fault, tc.wait
					return result, &transport.SendError{Result: result, Phase: tc.phase, Reply: transport.Reply{Code: tc.code}}
				})
				_, err := build(t, policy.Pace{Next: next}).Send(t.Context(), mail(t, "x@example.org"))
				if again := calls == 2; again != tc.again || (err == nil) != tc.again {
					t.Errorf("%d attempts: %v", calls, err)
				}
			})
		})
	}
}

// TestPaceEndsInTheSecondRow: a mail that has passed the lane of its domain and waits for the relay gives its place back
// when its ctx ends.
func TestPaceEndsInTheSecondRow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		far := stub.New().NextFor("x@slow.example", stub.Reject(transport.PhaseRcpt, 450, "4.3.2 too many mails"))
		p := build(t, policy.Pace{Next: far, Start: policy.Rate{Count: 1000}})
		if _, err := p.Send(t.Context(), mail(t, "x@slow.example")); err != nil { // and now it has a lane
			t.Fatal(err)
		}
		far.NextFor("x@busy.example", stub.Reject(transport.PhaseMail, 450, "4.3.2 try again in 1 minutes"))
		begin := time.Now()
		var sends sync.WaitGroup
		send := func(ctx context.Context, to string, want error) {
			sends.Go(func() {
				if _, err := p.Send(ctx, mail(t, to)); !errors.Is(err, want) {
					t.Errorf("%s: %v", to, err)
				}
			})
			synctest.Wait()
		}
		short, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		send(t.Context(), "x@busy.example", nil)
		time.Sleep(2 * time.Second)
		send(short, "x@slow.example", context.DeadlineExceeded)
		send(t.Context(), "x@other.example", nil)
		sends.Wait()
		if took := time.Since(begin).Round(5 * time.Second); took != time.Minute {
			t.Errorf("took %v", took)
		}
	})
}

package policy_test

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/policy"
	"github.com/depeche-mail/depeche/transport/stub"
	"github.com/google/go-cmp/cmp"
)

// TestPaceLongWait: when a relay asks one mail to wait for longer than MaxWait, later mails do not wait either. They end at once,
// with the time that is left.
func TestPaceLongWait(t *testing.T) {
	const days = 48 * time.Hour
	for name, bulk := range map[string]bool{"one by one": false, "SendAll": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				far := stub.New().Next(stub.Reject(transport.PhaseMail, 450, "4.3.2 try again in 2 days"))
				p := build(t, policy.Pace{Next: far})
				if _, err := p.Send(t.Context(), mail(t, "x@example.org")); err == nil {
					t.Fatal("no error")
				}
				time.Sleep(time.Hour)
				begin := time.Now()
				var results []*transport.Result
				for range 3 {
					if bulk {
						for sent := range transport.SendAll(t.Context(), p, slices.Values([]transport.Mail{mail(t, "y@example.org", "z@example.net")})) {
							results = append(results, sent.Result)
						}
						continue
					}
					result, err := p.Send(t.Context(), mail(t, "y@example.org", "z@example.net"))
					failed, ok := errors.AsType[*transport.SendError](err)
					if !ok || failed.Phase != transport.PhaseWait || !failed.Temporary() || !failed.SafeToRetry() {
						t.Errorf("%v", err)
					}
					results = append(results, result)
				}
				for _, result := range results {
					for _, r := range result.Recipients {
						if r.Outcome != transport.Deferred || r.Fault != transport.FaultRelay || r.RetryAfter != days-time.Hour {
							t.Errorf("%v", r)
						}
					}
				}
				if waited := time.Since(begin); waited > 0 || len(results) != 3 || len(far.Calls()) != 1 {
					t.Errorf("%d results after %v, %d attempts", len(results), waited, len(far.Calls()))
				}
				time.Sleep(days)
				if _, err := p.Send(t.Context(), mail(t, "x@example.org")); err != nil {
					t.Errorf("after the wait: %v", err)
				}
			})
		})
	}
}

// TestPaceLongWaitOfADomain: recipients of other domains get the mail.
func TestPaceLongWaitOfADomain(t *testing.T) {
	for name, bulk := range map[string]bool{"one by one": false, "SendAll": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				far := stub.New().NextFor("x@slow.example", stub.Reject(transport.PhaseRcpt, 450, "4.3.2 too many mails, try again in 2 days"))
				p := build(t, policy.Pace{Next: far, Start: policy.Rate{Count: 1000}})
				if _, err := p.Send(t.Context(), mail(t, "x@slow.example")); err == nil {
					t.Fatal("no error")
				}
				for _, to := range [][]string{{"y@slow.example", "y@other.example"}, {"y@other.example", "y@slow.example"}} {
					begin := time.Now()
					var result *transport.Result
					if bulk {
						for sent := range transport.SendAll(t.Context(), p, slices.Values([]transport.Mail{mail(t, to...)})) {
							result = sent.Result
						}
					} else {
						result, _ = p.Send(t.Context(), mail(t, to...))
					}
					for _, r := range result.Recipients {
						want := transport.Accepted
						if r.Address.Domain() == "slow.example" {
							want = transport.Deferred
						}
						if r.Outcome != want || (r.RetryAfter > 47*time.Hour) != (want == transport.Deferred) {
							t.Errorf("%v", r)
						}
					}
					if waited := time.Since(begin); waited > time.Second {
						t.Errorf("it took %v", waited)
					}
				}
			})
		})
	}
}

// TestPaceLongWaitOfTheWaiting: mails that wait when the relay says so end too.
func TestPaceLongWaitOfTheWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		far := stub.New().Next(stub.Reject(transport.PhaseMail, 450, "4.3.2 try again in 2 days"))
		p := build(t, policy.Pace{Next: far, Start: policy.Rate{Count: 1, Per: time.Minute}})
		begin := time.Now()
		var sends sync.WaitGroup
		for range 5 {
			sends.Go(func() {
				if result, _ := p.Send(t.Context(), mail(t, "x@example.org")); result.Recipients[0].Outcome != transport.Deferred {
					t.Errorf("%v", result.Recipients)
				}
			})
		}
		sends.Wait()
		if waited := time.Since(begin); waited > 2*time.Minute || len(far.Calls()) != 1 {
			t.Errorf("after %v, %d attempts", waited, len(far.Calls()))
		}
	})
}

// TestPaceDeadline: a wait that would end after the deadline of ctx is not begun, whether the relay asked for it or the
// warm-up does, by the first mail that waits or a later one.
func TestPaceDeadline(t *testing.T) {
	asks := stub.Reject(transport.PhaseMail, 450, "4.3.2 try again in 30 minutes")
	const unknown = "the rate" // of which it is not known before when a mail leaves that is not the first
	for name, pace := range map[string]policy.Pace{
		"asked for": {Next: stub.New().Next(asks)},
		"warm-up":   {Next: stub.New(), WarmUp: []int{1}},
		unknown:     {Next: stub.New(), Start: policy.Rate{Count: 1, Per: time.Hour}, Max: policy.Rate{Count: 1, Per: time.Hour}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := build(t, pace)
				var sends sync.WaitGroup
				ctx, cancel := context.WithCancel(t.Context())
				for range 2 { // the second one is waiting
					sends.Go(func() { _, _ = p.Send(ctx, mail(t, "x@example.org")) })
					synctest.Wait()
				}
				begin := time.Now()
				short, done := context.WithTimeout(t.Context(), time.Minute)
				defer done()
				_, err := p.Send(short, mail(t, "y@example.org"))
				waited := time.Since(begin)
				failed, ok := errors.AsType[*transport.SendError](err)
				if !ok || !errors.Is(err, context.DeadlineExceeded) || !failed.SafeToRetry() || failed.Phase != transport.PhaseWait {
					t.Errorf("%v", err)
				}
				if name != unknown && waited > 0 {
					t.Errorf("it waited %v", waited)
				}
				cancel()
				sends.Wait()
			})
		})
	}
}

// TestPaceWarmUpCounts: a mail counts if the relay has decided on it; it can use up no day that the relay was down, or that
// came before.
func TestPaceWarmUpCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		down := stub.Fail(transport.PhaseDial, io.EOF)
		far := stub.New().Next(
			stub.Accept(), stub.Accept(), // before the first day
			down, down, stub.Reject(transport.PhaseRcpt, 450, "4.2.1 mailbox busy"), // count for none
			stub.Reject(transport.PhaseFinal, 554, "5.6.0 no"), stub.LoseReply(), // which are two mails
		)
		p := build(t, policy.Pace{Next: far, Start: policy.Rate{Count: 1000}, WarmUp: []int{3, 1}, WarmUpFrom: begin.Add(time.Hour)})
		for i := range 10 {
			if i == 2 {
				time.Sleep(time.Hour)
			}
			_, _ = p.Send(t.Context(), mail(t, "x@example.org"))
		}
		const first, second, third = time.Hour, 25 * time.Hour, 49 * time.Hour
		want := []time.Duration{0, 0, first, first, first, first, first, first, second, third}
		if diff := cmp.Diff(want, begins(far, begin, time.Minute)); diff != "" {
			t.Error(diff)
		}
	})
}

// TestPaceWarmUpGivesBack: a mail that waits for the next day leaves when one before it did not reach the relay.
func TestPaceWarmUpGivesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		next := transport.Func(func(_ context.Context, m transport.Mail) (*transport.Result, error) {
			if calls++; calls == 1 {
				time.Sleep(time.Minute)
				return transport.Fail(m, transport.PhaseDial, io.EOF)
			}
			return transport.NewResult(m.Envelope(), transport.Accepted, transport.Reply{Code: 250}), nil
		})
		p := build(t, policy.Pace{Next: next, Start: policy.Rate{Count: 1000}, WarmUp: []int{1}})
		begin := time.Now()
		var sends sync.WaitGroup
		for range 2 {
			sends.Go(func() { _, _ = p.Send(t.Context(), mail(t, "x@example.org")) })
			synctest.Wait()
		}
		sends.Wait()
		if took := time.Since(begin).Round(time.Second); took != time.Minute {
			t.Errorf("took %v", took)
		}
	})
}

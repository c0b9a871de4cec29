package policy_test

import (
	"context"
	"errors"
	"io"
	"iter"
	"maps"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/policy"
	"github.com/depeche-mail/depeche/transport/stub"
	"github.com/google/go-cmp/cmp"
)

// ends is a stub that notes how it is closed and checked.
type ends struct {
	*stub.Transport
	calls []string
	err   error
}

func (e *ends) Close() error {
	e.calls = append(e.calls, "close")
	return errors.Join(e.err, e.Transport.Close())
}

func (e *ends) Shutdown(context.Context) error {
	e.calls = append(e.calls, "shutdown")
	return errors.Join(e.err, e.Transport.Close())
}

func (e *ends) Check(context.Context) error {
	e.calls = append(e.calls, "check")
	return e.err
}

func TestOwnership(t *testing.T) {
	for _, name := range slices.Sorted(maps.Keys(combinators)) {
		t.Run(name, func(t *testing.T) {
			for _, how := range []string{"close", "shutdown", "check"} {
				a, b := &ends{Transport: stub.New(), err: io.EOF}, &ends{Transport: stub.New()}
				made, err := combinators[name](a, b)
				if err != nil {
					t.Fatal(err)
				}
				one := false // of two is enough
				switch how {
				case "close":
					err = transport.Close(made)
				case "shutdown":
					err = transport.Shutdown(t.Context(), made)
				case "check":
					err = transport.Check(t.Context(), made)
					one = len(b.calls) > 0 && name != "ByDomain"
				}
				if errors.Is(err, io.EOF) == one {
					t.Errorf("%s: %v", how, err)
				}
				if !slices.Contains(a.calls, how) {
					t.Errorf("%s reached the first with %v, the second with %v", how, a.calls, b.calls)
				}
			}
		})
	}
}

func TestShutdownWaits(t *testing.T) {
	for _, name := range slices.Sorted(maps.Keys(combinators)) {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				slow := stub.Accept().WithReplyDelay(time.Minute)
				a, b := stub.New().Always(slow), stub.New().Always(slow)
				made, err := combinators[name](a, b)
				if err != nil {
					t.Fatal(err)
				}
				sent := make(chan error)
				go func() {
					_, err := made.Send(t.Context(), mail(t, "x@example.org"))
					sent <- err
				}()
				synctest.Wait()
				begin := time.Now()
				down := make(chan error)
				go func() { down <- transport.Shutdown(t.Context(), made) }()
				synctest.Wait()
				if _, err := made.Send(t.Context(), mail(t, "x@example.org")); !errors.Is(err, transport.ErrClosed) {
					t.Errorf("new mail: %v", err)
				}
				if err := <-sent; err != nil {
					t.Errorf("mail under way: %v", err)
				}
				if err := <-down; err != nil || time.Since(begin) != time.Minute {
					t.Errorf("Shutdown: %v after %v", err, time.Since(begin))
				}
				ctx, cancel := context.WithTimeout(t.Context(), 0)
				defer cancel()
				if err := transport.Shutdown(ctx, made); err != nil && !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("a second Shutdown: %v", err)
				}
			})
		})
	}
}

func TestShutdownInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &ends{Transport: stub.New()}
		a.Always(stub.Reject(transport.PhaseMail, 451))
		r := build(t, policy.Retry{Next: a, MaxAttempts: 100, InitialBackoff: time.Hour, MaxBackoff: time.Hour})
		sent := make(chan error)
		go func() {
			_, err := r.Send(t.Context(), mail(t, "x@example.org"))
			sent <- err
		}()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		begin := time.Now()
		if err := transport.Shutdown(ctx, r); !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) > time.Minute {
			t.Errorf("%v after %v", err, time.Since(begin))
		}
		if err := <-sent; err == nil || time.Since(begin) > time.Minute {
			t.Errorf("%v after %v", err, time.Since(begin))
		}
		if diff := cmp.Diff([]string{"close"}, a.calls); diff != "" {
			t.Error(diff)
		}
	})
}

func TestFieldErrors(t *testing.T) {
	a := stub.New()
	type builder interface {
		Build() (transport.Transport, error)
	}
	cases := map[string]struct {
		build builder
		want  []string
	}{
		"Failover": {policy.Failover{On: 7, RetryPeriod: -1}, []string{"Relays", "On", "RetryPeriod"}},
		"a gap":    {policy.Failover{Relays: []transport.Transport{a, nil}}, []string{"Relays"}},
		"Balance":  {policy.Balance{Strategy: 7}, []string{"Relays", "Strategy"}},
		"Weights": {
			policy.Balance{Relays: []transport.Transport{a, a}, Weights: []int{0, 1, 1001}},
			[]string{"Weights", "Weights", "Weights"},
		},
		"Retry": {
			policy.Retry{MaxAttempts: -1, InitialBackoff: -1, MaxBackoff: -1, MaxElapsed: -1, Guarantee: 7},
			[]string{"Next", "MaxAttempts", "InitialBackoff", "MaxBackoff", "MaxElapsed", "Guarantee"},
		},
		"RateLimit": {
			policy.RateLimit{Next: a, Messages: policy.Rate{Count: -1}, Recipients: policy.Rate{Per: -1}, Bytes: policy.Rate{Burst: 1}},
			[]string{"Messages.Count", "Recipients.Per", "Recipients.Count", "Bytes.Count"},
		},
		"Quota": {policy.Quota{Messages: -1, Recipients: -1, Per: -1}, []string{"Next", "Messages", "Recipients", "Per"}},
		"Pace": {
			policy.Pace{Start: policy.Rate{Count: 1, Burst: 2}, Max: policy.Rate{Count: -1}, WarmUp: []int{5, 0}, MaxWait: -1, MaxWaiting: -1},
			[]string{"Next", "Max.Count", "Start.Burst", "WarmUp", "MaxWait", "MaxWaiting"},
		},
		"Breaker":     {policy.Breaker{Threshold: -1, OpenFor: -1}, []string{"Next", "Threshold", "OpenFor"}},
		"Limit":       {policy.Limit{Recipients: -1, MaxBytes: -1}, []string{"Next", "Recipients", "MaxBytes"}},
		"Prepare":     {policy.Prepare{Ahead: -1}, []string{"Next", "Ahead", "Steps"}},
		"no step":     {policy.Prepare{Next: a, Steps: []policy.Step{keep, nil}}, []string{"Steps"}},
		"ByDomain":    {policy.ByDomain{}, []string{"Routes"}},
		"no domain":   {policy.ByDomain{Routes: map[string]transport.Transport{"a b": a, "A.example": a, "a.example": a, "b.example": nil}}, []string{"Routes", "Routes", "Routes"}},
		"RedirectAll": {policy.RedirectAll{}, []string{"Next", "To"}},
		"Defaults":    {policy.Defaults{}, []string{"Next", "Options"}},
		"Overrides": {
			policy.Overrides{Next: a, Options: envelope.Options{DSNReturn: "ALL"}}, []string{"DSNReturn"},
		},
		"two senders": {policy.Overrides{Next: a, From: address(t, "x@example.org"), NullFrom: true}, []string{"NullFrom"}},
		"two waits":   {policy.Retry{Next: a, Delay: 1, InitialBackoff: 1}, []string{"Delay"}},
		"before now":  {policy.Retry{Next: a, Delay: -1}, []string{"Delay"}},
		"Notify": {
			policy.Overrides{Next: a, Notify: envelope.NotifyNever | envelope.NotifyDelay}, []string{"Notify"},
		},
		"Tee":  {policy.Tee{}, []string{"Next", "Copy"}},
		"Wrap": {policy.Wrap{Middleware: []policy.Middleware{nil}}, []string{"Next", "Middleware"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			made, err := tc.build.Build()
			joined, ok := err.(interface{ Unwrap() []error })
			if made != nil || !ok {
				t.Fatalf("%v, %v", made, err)
			}
			var got []string
			for _, err := range joined.Unwrap() {
				var field *envelope.FieldError
				if !errors.As(err, &field) {
					t.Fatalf("%#v", err)
				}
				got = append(got, field.Field)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%v\n%s", err, diff)
			}
		})
	}
}

// bulk is a relay whose SendAll does as it likes.
type bulk struct {
	*stub.Transport
	all func(context.Context, iter.Seq[transport.Mail], func(transport.BulkResult, error) bool)
}

func (b bulk) SendAll(ctx context.Context, mails iter.Seq[transport.Mail]) iter.Seq2[transport.BulkResult, error] {
	return func(yield func(transport.BulkResult, error) bool) { b.all(ctx, mails, yield) }
}

func TestBulkReachesTheRelay(t *testing.T) {
	single := stub.New() // must not be asked one by one
	used := 0
	relay := bulk{single, func(ctx context.Context, mails iter.Seq[transport.Mail], yield func(transport.BulkResult, error) bool) {
		index := 0
		for m := range mails {
			used++
			if !yield(transport.BulkResult{Index: index, Mail: m, Result: transport.NewResult(m.Envelope(), transport.Accepted, transport.Reply{})}, nil) {
				return
			}
			index++
		}
	}}
	for _, name := range slices.Sorted(maps.Keys(combinators)) {
		if name == "Wrap" { // sees one mail at a time
			continue
		}
		t.Run(name, func(t *testing.T) {
			used = 0
			made, err := combinators[name](relay, stub.New())
			if err != nil {
				t.Fatal(err)
			}
			want := slices.Repeat([]transport.Mail{mail(t, "x@example.org")}, 40)
			n := 0
			for _, err := range transport.SendAll(t.Context(), made, slices.Values(want)) {
				if err != nil {
					t.Error(err)
				}
				n++
			}
			if n != 40 || used == 0 || len(single.Calls()) != 0 {
				t.Errorf("%d mails came back, %d by SendAll, %d by Send", n, used, len(single.Calls()))
			}
		})
	}
}

// TestBulkMisbehaving has relays whose SendAll loses mails, repeats itself, or stops.
func TestBulkMisbehaving(t *testing.T) {
	good := func(index int, m transport.Mail) transport.BulkResult {
		return transport.BulkResult{Index: index, Mail: m, Result: transport.NewResult(m.Envelope(), transport.Accepted, transport.Reply{})}
	}
	cases := map[string]struct {
		all  func(context.Context, iter.Seq[transport.Mail], func(transport.BulkResult, error) bool)
		want map[transport.Outcome]int
	}{
		"loses every mail": {
			func(_ context.Context, mails iter.Seq[transport.Mail], _ func(transport.BulkResult, error) bool) {
				n := 0
				for range mails {
					if n++; n == 10 {
						return
					}
				}
			}, map[transport.Outcome]int{transport.Unknown: 10},
		},
		"does not begin": {
			func(context.Context, iter.Seq[transport.Mail], func(transport.BulkResult, error) bool) {},
			map[transport.Outcome]int{transport.NotSent: 10},
		},
		"stops after three": {
			func(_ context.Context, mails iter.Seq[transport.Mail], yield func(transport.BulkResult, error) bool) {
				index := 0
				for m := range mails {
					yield(good(index, m), nil)
					if index++; index == 3 {
						return
					}
				}
			}, map[transport.Outcome]int{transport.Accepted: 3, transport.NotSent: 7},
		},
		"says everything twice, and more": {
			func(_ context.Context, mails iter.Seq[transport.Mail], yield func(transport.BulkResult, error) bool) {
				index := 0
				for m := range mails {
					yield(good(index, m), nil)
					yield(good(index, m), nil)
					yield(good(index+1000, m), nil)
					yield(good(-1, m), nil)
					index++
				}
			}, map[transport.Outcome]int{transport.Accepted: 10},
		},
		"without results": {
			func(_ context.Context, mails iter.Seq[transport.Mail], yield func(transport.BulkResult, error) bool) {
				index := 0
				for m := range mails {
					yield(transport.BulkResult{Index: index, Mail: m}, nil)
					index++
				}
			}, map[transport.Outcome]int{transport.Unknown: 10},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := build(t, policy.Limit{Next: bulk{stub.New(), tc.all}})
				got := map[transport.Outcome]int{}
				for sent := range transport.SendAll(t.Context(), l, slices.Values(slices.Repeat([]transport.Mail{mail(t, "x@example.org")}, 10))) {
					got[sent.Result.Recipients[0].Outcome]++
				}
				if diff := cmp.Diff(tc.want, got); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

// TestSendAllYieldsWhatItTook ends the ctx while mails are being taken.
func TestSendAllYieldsWhatItTook(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	taken, yielded := 0, 0
	mails := func(yield func(transport.Mail) bool) {
		for range 1000 {
			if taken++; taken == 500 {
				cancel()
			}
			if !yield(mail(t, "x@example.org")) {
				return
			}
		}
	}
	for sent := range transport.SendAll(ctx, build(t, policy.Retry{Next: stub.New()}), mails) {
		yielded++
		if sent.Result == nil {
			t.Error("no result")
		}
	}
	if taken != yielded || taken < 500 || taken == 1000 {
		t.Errorf("%d taken, %d yielded", taken, yielded)
	}
}

func TestSendAllLeftEarly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // the bubble ends when every goroutine has
		a := stub.New().Always(stub.Accept().WithDelay(time.Second))
		r := build(t, policy.Failover{Relays: []transport.Transport{a, stub.New()}})
		endless := func(yield func(transport.Mail) bool) {
			for yield(mail(t, "x@example.org")) {
			}
		}
		n := 0
		for range transport.SendAll(t.Context(), r, endless) {
			if n++; n == 5 {
				break
			}
		}
	})
}

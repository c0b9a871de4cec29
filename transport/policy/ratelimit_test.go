package policy_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/policy"
	"github.com/depeche-mail/depeche/transport/stub"
	"github.com/google/go-cmp/cmp"
)

func TestRateLimit(t *testing.T) {
	one := []string{"x@example.org"}
	three := []string{"x@example.org", "y@example.org", "z@example.org"}
	size := int64(len("Subject: x\r\nMessage-ID: <1@example.org>\r\n\r\nx\r\n"))
	cases := map[string]struct {
		limit policy.RateLimit
		mails [][]string
		want  []time.Duration // when each is sent
	}{
		"messages": {
			policy.RateLimit{Messages: policy.Rate{Count: 2}},
			[][]string{one, one, one, one, three},
			[]time.Duration{0, 0, 500 * time.Millisecond, time.Second, 1500 * time.Millisecond},
		},
		"slower than one a second": {
			policy.RateLimit{Messages: policy.Rate{Count: 6, Per: time.Minute}},
			[][]string{one, one, one},
			[]time.Duration{0, 10 * time.Second, 20 * time.Second},
		},
		"a burst": {
			policy.RateLimit{Messages: policy.Rate{Count: 1, Per: time.Hour, Burst: 3}},
			[][]string{one, one, one, one},
			[]time.Duration{0, 0, 0, time.Hour},
		},
		"recipients": {
			policy.RateLimit{Recipients: policy.Rate{Count: 3}},
			[][]string{three, one, three},
			[]time.Duration{0, 333333334, 1333333334},
		},
		"more than a burst at once": {
			policy.RateLimit{Recipients: policy.Rate{Count: 1}},
			[][]string{three, one, one},
			[]time.Duration{0, 3 * time.Second, 4 * time.Second},
		},
		"octets": {
			policy.RateLimit{Bytes: policy.Rate{Count: size, Per: time.Minute, Burst: size}},
			[][]string{one, one, three},
			[]time.Duration{0, time.Minute, 2 * time.Minute},
		},
		"the slowest counts": {
			policy.RateLimit{Messages: policy.Rate{Count: 1}, Recipients: policy.Rate{Count: 6, Per: time.Minute, Burst: 3}},
			[][]string{three, one, one},
			[]time.Duration{0, 10 * time.Second, 20 * time.Second},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := stub.New()
				tc.limit.Next = a
				l := build(t, tc.limit)
				begin := time.Now()
				var sends sync.WaitGroup
				for _, to := range tc.mails {
					sends.Go(func() {
						if _, err := l.Send(t.Context(), mail(t, to...)); err != nil {
							t.Error(err)
						}
					})
					synctest.Wait() // they wait in this order
				}
				sends.Wait()
				var got []time.Duration
				for _, c := range a.Calls() {
					got = append(got, c.Begin.Sub(begin))
				}
				if diff := cmp.Diff(tc.want, got); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

func TestRateLimitContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := stub.New()
		l := build(t, policy.RateLimit{Next: a, Messages: policy.Rate{Count: 1, Per: time.Minute}})
		begin := time.Now()
		send := func(ctx context.Context) error {
			_, err := l.Send(ctx, mail(t, "x@example.org"))
			return err
		}
		if err := send(t.Context()); err != nil {
			t.Fatal(err)
		}
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := send(short)
		var failed *transport.SendError
		if !errors.Is(err, context.DeadlineExceeded) || !errors.As(err, &failed) || failed.Phase != transport.PhaseWait || !failed.SafeToRetry() {
			t.Errorf("%#v", err)
		}
		if time.Since(begin) != 0 {
			t.Error("waited for what could not come in time")
		}
		stopped, stop := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, stop)
		if err := send(stopped); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		if err := send(t.Context()); err != nil { // the turns of those who gave up are free again
			t.Fatal(err)
		}
		if took := time.Since(begin); took != time.Minute {
			t.Errorf("took %v", took)
		}
		time.AfterFunc(time.Second, func() { _ = transport.Close(l) })
		if err := send(t.Context()); !errors.Is(err, transport.ErrClosed) {
			t.Error(err)
		}
	})
}

func TestRateLimitBulk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := stub.New()
		l := build(t, policy.RateLimit{Next: a, Messages: policy.Rate{Count: 100}})
		mails := func(yield func(transport.Mail) bool) {
			for i := range 1000 {
				if !yield(mail(t, fmt.Sprintf("x%d@example.org", i))) {
					return
				}
			}
		}
		begin, n := time.Now(), 0
		for _, err := range transport.SendAll(t.Context(), l, mails) {
			if err != nil {
				t.Error(err)
			}
			n++
		}
		if took := time.Since(begin).Round(time.Second); took != 9*time.Second || n != 1000 {
			t.Errorf("%d in %v, want 1000 in 9 seconds after a burst of 100", n, took)
		}
	})
}

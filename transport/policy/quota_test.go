package policy_test

import (
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/policy"
	"github.com/depeche-mail/depeche/transport/stub"
)

// TestQuota: one mail goes at 0:00 and one at 1:00. What is beyond the quota at 2:00 is Deferred at once, with the time
// until there is room.
func TestQuota(t *testing.T) {
	one, three := []string{"x@example.org"}, []string{"x@example.org", "y@example.org", "z@example.org"}
	for name, tc := range map[string]struct {
		quota         policy.Quota
		first, second []string
		third         []string
		want          string
		after         time.Duration
	}{
		"messages": {
			policy.Quota{Messages: 2},
			one, one, three,
			"2 messages in 24h0m0s have been sent, and no more are allowed; there is room in 22h0m0s", 22 * time.Hour,
		},
		"recipients": {
			policy.Quota{Recipients: 4, Per: 3 * time.Hour},
			three, one, one,
			"4 recipients in 3h0m0s have been sent, and no more are allowed; there is room in 1h0m0s", time.Hour,
		},
		"both, and the later counts": {
			policy.Quota{Messages: 2, Recipients: 5, Per: 3 * time.Hour},
			one, three, three,
			"5 recipients in 3h0m0s have been sent, and no more are allowed; there is room in 2h0m0s", 2 * time.Hour,
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				far := stub.New()
				tc.quota.Next = far
				q := build(t, tc.quota)
				for _, to := range [][]string{tc.first, tc.second} {
					if _, err := q.Send(t.Context(), mail(t, to...)); err != nil {
						t.Fatal(err)
					}
					time.Sleep(time.Hour)
				}
				result, err := q.Send(t.Context(), mail(t, tc.third...))
				var full *policy.QuotaError
				failed := new(transport.SendError)
				if !errors.As(err, &full) || full.Error() != tc.want || !errors.As(err, &failed) || !failed.Temporary() {
					t.Fatalf("%v", err)
				}
				for _, r := range result.Recipients {
					if r.Outcome != transport.Deferred || r.Fault != transport.FaultAccount || r.RetryAfter != tc.after {
						t.Errorf("%+v", r)
					}
				}
				time.Sleep(tc.after - 1)
				if _, err := q.Send(t.Context(), mail(t, tc.third...)); !errors.As(err, &full) {
					t.Errorf("a moment too early: %v", err)
				}
				time.Sleep(1)
				if _, err := q.Send(t.Context(), mail(t, tc.third...)); err != nil {
					t.Error(err)
				}
				if n := len(far.Calls()); n != 3 {
					t.Errorf("%d mails were sent, want 3", n)
				}
			})
		})
	}
}

// TestQuotaCountsWhatWasSent: who certainly did not get a mail does not count, and a mail that can never fit is
// refused for good.
func TestQuotaCountsWhatWasSent(t *testing.T) {
	for name, quota := range map[string]policy.Quota{"messages": {Messages: 2}, "recipients": {Recipients: 2}} {
		quota.Next = stub.New().Next(
			stub.Fail(transport.PhaseDial, io.EOF), stub.Reject(transport.PhaseFinal, 554, "no"), stub.LoseReply(), stub.Accept(),
		)
		q := build(t, quota)
		for i, want := range []transport.Outcome{
			transport.NotSent, transport.Rejected, transport.Unknown, transport.Accepted, transport.Deferred,
		} {
			result, _ := q.Send(t.Context(), mail(t, "x@example.org"))
			if got := result.Recipients[0].Outcome; got != want {
				t.Errorf("%s, mail %d: %v, want %v", name, i+1, got, want)
			}
		}
	}
	q := build(t, policy.Quota{Next: stub.New(), Recipients: 2})
	var limit *policy.LimitError
	if _, err := q.Send(t.Context(), mail(t, "x@example.org", "y@example.org", "z@example.org")); !errors.As(err, &limit) || limit.Max != 2 {
		t.Error(err)
	}
}

// TestRetryAfter: Retry comes no sooner than the relay asks, and leaves it to the caller to wait for a day.
func TestRetryAfter(t *testing.T) {
	for name, tc := range map[string]struct {
		retry policy.Retry
		said  string
		want  time.Duration // until the second attempt; 0 for none
	}{
		"as it asks":         {policy.Retry{InitialBackoff: time.Second}, "4.7.1 try again in 30 minutes", 30 * time.Minute},
		"longer than asked":  {policy.Retry{}, "4.7.1 try again in 1 seconds", time.Second},
		"a day":              {policy.Retry{}, "4.7.1 try again in 24 hours", 0},
		"a day that is set":  {policy.Retry{MaxElapsed: 48 * time.Hour}, "4.7.1 try again in 24 hours", 24 * time.Hour},
		"more than is set":   {policy.Retry{MaxElapsed: time.Minute}, "4.7.1 try again in 2 minutes", 0},
		"an hour at longest": {policy.Retry{}, "4.7.1 try again in 1 hour", time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				far := stub.New().Next(stub.Reject(transport.PhaseRcpt, 450, tc.said))
				tc.retry.Next = far
				begin := time.Now()
				_, err := build(t, tc.retry).Send(t.Context(), mail(t, "x@example.org"))
				if calls := far.Calls(); tc.want == 0 {
					if err == nil || len(calls) != 1 || time.Since(begin) != 0 {
						t.Errorf("%d attempts in %v: %v", len(calls), time.Since(begin), err)
					}
				} else if err != nil || len(calls) != 2 || calls[1].Begin.Sub(begin) < tc.want || calls[1].Begin.Sub(begin) > tc.want+time.Second {
					t.Errorf("%d attempts in %v: %v", len(calls), time.Since(begin), err)
				}
			})
		})
	}
}

package policy_test

import (
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/policy"
	"github.com/depeche-mail/depeche/transport/stub"
	"github.com/google/go-cmp/cmp"
)

func TestRetry(t *testing.T) {
	greylist, gone := stub.Reject(transport.PhaseRcpt, 450), stub.Reject(transport.PhaseRcpt, 550)
	both := []string{"x", "y"}
	cases := map[string]struct {
		retry  policy.Retry
		script func(*stub.Transport)
		want   []string
		calls  [][]string
	}{
		"accepted": {policy.Retry{}, func(*stub.Transport) {}, []string{"accepted a", "accepted a"}, [][]string{both}},
		"no connection at first": {
			policy.Retry{},
			func(s *stub.Transport) { s.Next(stub.Fail(transport.PhaseDial, io.EOF)) },
			[]string{"accepted a", "accepted a"},
			[][]string{both, both},
		},
		"never a connection": {
			policy.Retry{MaxAttempts: 3},
			func(s *stub.Transport) { s.Always(stub.Fail(transport.PhaseDial, io.EOF)) },
			[]string{"not sent a", "not sent a"},
			[][]string{both, both, both},
		},
		"a reason that lasts": {
			policy.Retry{},
			func(s *stub.Transport) { s.Always(stub.Fail(transport.PhaseAuth, errors.New("535"))) },
			[]string{"not sent a", "not sent a"},
			[][]string{both},
		},
		"only who was deferred": {
			policy.Retry{},
			func(s *stub.Transport) { s.NextFor("y@example.org", greylist, greylist) },
			[]string{"accepted a", "accepted a"},
			[][]string{both, {"y"}, {"y"}},
		},
		"deferred, then nobody answers": {
			policy.Retry{MaxAttempts: 2},
			func(s *stub.Transport) {
				s.Next(stub.Reject(transport.PhaseMail, 451), stub.Fail(transport.PhaseDial, io.EOF))
			},
			[]string{"deferred a", "deferred a"},
			[][]string{both, both},
		},
		"rejected": {
			policy.Retry{},
			func(s *stub.Transport) { s.AlwaysFor("x@example.org", gone).NextFor("y@example.org", greylist) },
			[]string{"rejected a", "accepted a"},
			[][]string{both, {"y"}},
		},
		"all or nothing, rejected": {
			policy.Retry{},
			func(s *stub.Transport) {
				s.AlwaysFor("x@example.org", gone).AlwaysFor("y@example.org", stub.Withhold())
			},
			[]string{"rejected a", "not sent a"},
			[][]string{both},
		},
		"unknown": {
			policy.Retry{},
			func(s *stub.Transport) { s.NextFor("x@example.org", stub.LoseReply()) },
			[]string{"unknown a", "accepted a"},
			[][]string{both},
		},
		"unknown, at least once": {
			policy.Retry{Guarantee: policy.DangerousAtLeastOnce},
			func(s *stub.Transport) { s.NextFor("x@example.org", stub.LoseReply()) },
			[]string{"accepted a", "accepted a"},
			[][]string{both, {"x"}},
		},
		"unknown, then rejected: it may have arrived": {
			policy.Retry{Guarantee: policy.DangerousAtLeastOnce},
			func(s *stub.Transport) { s.NextFor("x@example.org", stub.LoseReply(), gone) },
			[]string{"unknown a", "accepted a"},
			[][]string{both, {"x"}},
		},
		"a policy": {
			policy.Retry{ShouldRetry: func(failed *transport.SendError) bool { return failed.Phase != transport.PhaseDial }},
			func(s *stub.Transport) {
				s.Next(stub.Reject(transport.PhaseMail, 451), stub.Fail(transport.PhaseDial, io.EOF))
			},
			[]string{"deferred a", "deferred a"},
			[][]string{both, both},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := stub.Named("a")
				tc.script(a)
				tc.retry.Next = a
				m := mail(t, "x@example.org", "y@example.org")
				result, err := build(t, tc.retry).Send(t.Context(), m)
				if diff := cmp.Diff(tc.want, fates(result)); diff != "" || (err == nil) != result.AllAccepted() {
					t.Errorf("%v\n%s", err, diff)
				}
				if diff := cmp.Diff(tc.calls, offered(a)); diff != "" {
					t.Error(diff)
				}
				for _, c := range a.Calls() {
					if c.MessageID != transport.MessageID(m) {
						t.Errorf("Message-ID %q", c.MessageID)
					}
				}
			})
		})
	}
}

// TestRetryWaits checks the bounds of the waits. That they are random is seen by that they differ.
func TestRetryWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bounds := []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 5 * time.Second, 5 * time.Second}
		longest := make([]time.Duration, len(bounds))
		for range 200 {
			a := stub.New().Always(stub.Reject(transport.PhaseMail, 451))
			r := build(t, policy.Retry{Next: a, MaxAttempts: len(bounds) + 1, InitialBackoff: time.Second, MaxBackoff: 5 * time.Second})
			_, _ = r.Send(t.Context(), mail(t, "x@example.org"))
			calls := a.Calls()
			for i := range bounds {
				longest[i] = max(longest[i], calls[i+1].Begin.Sub(calls[i].End))
			}
		}
		for i, most := range bounds {
			if longest[i] > most || longest[i] < most*3/4 {
				t.Errorf("the longest of 200 waits %d is %v, want nearly %v", i, longest[i], most)
			}
		}
	})
}

func TestRetryEnds(t *testing.T) {
	always := stub.Reject(transport.PhaseMail, 451).WithDelay(time.Second)
	hour := func(r policy.Retry) policy.Retry {
		r.MaxAttempts, r.InitialBackoff, r.MaxBackoff = 1000, 10*time.Second, 10*time.Second
		return r
	}
	cases := map[string]struct {
		retry policy.Retry
		send  func(*testing.T, transport.Transport) error
		cause error
		most  time.Duration
	}{
		"within": {
			hour(policy.Retry{MaxElapsed: time.Minute}),
			func(t *testing.T, r transport.Transport) error {
				_, err := r.Send(t.Context(), mail(t, "x@example.org"))
				return err
			}, nil, time.Minute + time.Second,
		},
		"deadline": {
			hour(policy.Retry{}),
			func(t *testing.T, r transport.Transport) error {
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				_, err := r.Send(ctx, mail(t, "x@example.org"))
				return err
			}, context.DeadlineExceeded, time.Minute,
		},
		"canceled": {
			hour(policy.Retry{}),
			func(t *testing.T, r transport.Transport) error {
				ctx, cancel := context.WithCancel(t.Context())
				time.AfterFunc(time.Minute, cancel)
				_, err := r.Send(ctx, mail(t, "x@example.org"))
				return err
			}, context.Canceled, time.Minute,
		},
		"closed": {
			hour(policy.Retry{}),
			func(t *testing.T, r transport.Transport) error {
				time.AfterFunc(time.Minute, func() { _ = transport.Close(r) })
				_, err := r.Send(t.Context(), mail(t, "x@example.org"))
				return err
			}, nil, time.Minute + time.Second,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tc.retry.Next = stub.Named("a").Always(always)
				begin := time.Now()
				err := tc.send(t, build(t, tc.retry))
				var failed *transport.SendError
				if !errors.As(err, &failed) || tc.cause != nil && !errors.Is(err, tc.cause) {
					t.Fatal(err)
				}
				if got := failed.Result.Recipients[0]; got.Outcome != transport.Deferred || got.Reply.Code != 451 {
					t.Errorf("an answer that came was lost: %+v", got)
				}
				if took := time.Since(begin); took > tc.most {
					t.Errorf("took %v", took)
				}
			})
		})
	}
}

// TestRetryDelay: a fixed wait is the same before each attempt.
func TestRetryDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := stub.New().Always(stub.Reject(transport.PhaseMail, 451))
		_, _ = build(t, policy.Retry{Next: a, MaxAttempts: 4, Delay: 3 * time.Second}).Send(t.Context(), mail(t, "x@example.org"))
		calls := a.Calls()
		for i := range 3 {
			if wait := calls[i+1].Begin.Sub(calls[i].End); wait != 3*time.Second {
				t.Errorf("wait %d is %v", i, wait)
			}
		}
	})
}

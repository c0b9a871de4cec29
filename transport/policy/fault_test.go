package policy_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/policy"
	"github.com/depeche-mail/depeche/transport/stub"
	"github.com/google/go-cmp/cmp"
)

// TestRelayFaults goes through how an attempt can fail: each cause in each part of the attempt, and whether a breaker
// takes it for the relay's.
func TestRelayFaults(t *testing.T) {
	type failure struct {
		cause      error
		code       int
		callerDone error // the cause of the caller's ctx
	}
	plain := errors.New("certificate")
	causes := []struct {
		name string
		failure
	}{
		{"the caller gave up", failure{cause: context.Canceled}},
		{"the caller gave up, and the transport says something else", failure{cause: plain, callerDone: context.Canceled}},
		{"the caller's time ran out", failure{cause: context.DeadlineExceeded, callerDone: context.DeadlineExceeded}},
		{"421", failure{code: 421}},
		{"421, and the caller gave up", failure{code: 421, cause: context.Canceled}},
		{"a refusal", failure{code: 550}},
		{"a refusal, and the caller gave up", failure{code: 550, callerDone: context.Canceled}},
		{"a lost connection", failure{cause: io.ErrUnexpectedEOF}},
		{"a step that took too long", failure{cause: context.DeadlineExceeded}},
		{"another cause", failure{cause: plain}},
	}
	parts := []struct {
		phases []transport.Phase
		faults []string // the causes that are the relay's
	}{
		{[]transport.Phase{transport.PhaseMessage, transport.PhaseWait}, nil},
		{
			[]transport.Phase{transport.PhaseDial, transport.PhaseTLS, transport.PhaseGreeting, transport.PhaseHello, transport.PhaseAuth},
			[]string{
				"the caller's time ran out", "421", "421, and the caller gave up", "a refusal", "a lost connection",
				"a step that took too long", "another cause",
			},
		},
		{
			[]transport.Phase{transport.PhaseMail, transport.PhaseRcpt, transport.PhaseData, transport.PhaseFinal},
			[]string{"421", "421, and the caller gave up", "a lost connection", "a step that took too long"},
		},
	}
	for _, part := range parts {
		for _, phase := range part.phases {
			var got []string
			for _, c := range causes {
				ctx, cancel := context.WithCancelCause(t.Context())
				relay := transport.Func(func(_ context.Context, mail transport.Mail) (*transport.Result, error) {
					if c.callerDone != nil {
						cancel(c.callerDone)
					}
					result, _ := transport.Fail(mail, phase, c.cause)
					return result, &transport.SendError{Result: result, Phase: phase, Reply: transport.Reply{Code: c.code}, Err: c.cause}
				})
				opened := false
				b := build(t, policy.Breaker{Next: relay, Threshold: 1, OnStateChange: func(policy.BreakerState) { opened = true }})
				if _, err := b.Send(ctx, mail(t, "x@example.org")); err == nil {
					t.Fatal("sent")
				}
				cancel(nil)
				if opened {
					got = append(got, c.name)
				}
			}
			if diff := cmp.Diff(part.faults, got); diff != "" {
				t.Errorf("%s: faults of the relay (-want +got):\n%s", phase, diff)
			}
		}
	}
}

// TestFailureWithWordsAround holds that what a transport puts around its error is kept, and does not change how the
// failure is judged.
func TestFailureWithWordsAround(t *testing.T) {
	around := transport.Func(func(_ context.Context, mail transport.Mail) (*transport.Result, error) {
		result, err := transport.Fail(mail, transport.PhaseDial, io.EOF)
		return result, fmt.Errorf("relay of the office: %w", err)
	})
	var opened []policy.BreakerState
	b := build(t, policy.Breaker{Next: around, Threshold: 1, OnStateChange: func(s policy.BreakerState) { opened = append(opened, s) }})
	result, err := b.Send(t.Context(), mail(t, "x@example.org"))
	failed, ok := errors.AsType[*transport.SendError](err)
	if !ok || failed.Result != result || failed.Phase != transport.PhaseDial || !failed.Temporary() || !errors.Is(err, io.EOF) {
		t.Errorf("%#v", err)
	}
	if want := "send: x@example.org not sent: dial: relay of the office: EOF"; err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
	if diff := cmp.Diff([]policy.BreakerState{policy.BreakerOpen}, opened); diff != "" {
		t.Error(diff)
	}
}

// TestFailoverNoTLSNow: a relay that can't do TLS for now is asked last, and its recipients go to the next one.
func TestFailoverNoTLSNow(t *testing.T) {
	a := stub.Named("a").Always(stub.Reject(transport.PhaseMail, 454, "4.7.0 TLS not available due to temporary reason"))
	b := stub.Named("b")
	sender := build(t, policy.Failover{Relays: []transport.Transport{a, b}})
	for range 2 {
		if result, err := sender.Send(t.Context(), mail(t, "x@example.org")); err != nil {
			t.Errorf("%v: %v", fates(result), err)
		}
	}
	if len(a.Calls()) != 1 || len(b.Calls()) != 2 {
		t.Errorf("a was asked %d times, b %d times, want 1 and 2", len(a.Calls()), len(b.Calls()))
	}
}

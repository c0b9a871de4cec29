package policy_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/policy"
	"github.com/depeche-mail/depeche/transport/stub"
	"github.com/google/go-cmp/cmp"
)

// TestBreakerFaults sends the same thing ten times and looks whether the breaker opened.
func TestBreakerFaults(t *testing.T) {
	cases := map[string]struct {
		answer stub.Answer
		opens  bool
	}{
		"accepted":                {stub.Accept(), false},
		"dial":                    {stub.Fail(transport.PhaseDial, io.EOF), true},
		"TLS":                     {stub.Fail(transport.PhaseTLS, errors.New("certificate")), true},
		"greeting":                {stub.Reject(transport.PhaseGreeting, 554), true},
		"login":                   {stub.Fail(transport.PhaseAuth, errors.New("535")), true},
		"421 to MAIL":             {stub.Reject(transport.PhaseMail, 421), true},
		"broke off at MAIL":       {stub.Fail(transport.PhaseMail, io.EOF), true},
		"verdict lost":            {stub.LoseReply(), true},
		"rejected recipient":      {stub.Reject(transport.PhaseRcpt, 550), false},
		"greylisted":              {stub.Reject(transport.PhaseRcpt, 450), false},
		"rejected content":        {stub.Reject(transport.PhaseFinal, 554), false},
		"an unusable message":     {stub.Fail(transport.PhaseMessage, errors.New("8-bit")), false},
		"an unreadable message":   {stub.Fail(transport.PhaseBody, errors.New("no such file")), false},
		"a message that ends":     {stub.Fail(transport.PhaseBody, io.ErrUnexpectedEOF), false},
		"no free connection":      {stub.Fail(transport.PhaseWait, errors.New("busy")), false},
		"the caller gave up":      {stub.Fail(transport.PhaseDial, context.Canceled), false},
		"gave up before verdict":  {stub.Answer{Outcome: transport.Unknown, Phase: transport.PhaseFinal, Err: context.Canceled}, false},
		"all or nothing withheld": {stub.Withhold(), false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			a := stub.New().Always(tc.answer)
			b := build(t, policy.Breaker{Next: a})
			var err error
			for range 10 {
				_, err = b.Send(t.Context(), mail(t, "x@example.org"))
			}
			var open *policy.BreakerOpenError
			if errors.As(err, &open) != tc.opens {
				t.Errorf("open: %v, want %v: %v", !tc.opens, tc.opens, err)
			}
			if n := len(a.Calls()); tc.opens && n != 5 || !tc.opens && n != 10 {
				t.Errorf("asked %d times", n)
			}
			var failed *transport.SendError
			if tc.opens && (!errors.As(err, &failed) || !failed.Temporary() || !failed.SafeToRetry() || open.Until.IsZero() || open.Err == nil) {
				t.Errorf("refused with %#v", err)
			}
		})
	}
}

func TestBreakerBadAddress(t *testing.T) {
	gone := stub.Reject(transport.PhaseRcpt, 421) // a relay that hangs up on one address
	a := stub.New().AlwaysFor("gone@example.org", gone)
	b := build(t, policy.Breaker{Next: a})
	for i := range 50 {
		to := "x@example.org"
		if i%2 == 0 {
			to = "gone@example.org"
		}
		if result, err := b.Send(t.Context(), mail(t, to)); i%2 == 1 && err != nil {
			t.Fatalf("%v %v", fates(result), err)
		}
	}
}

func TestBreakerProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := stub.Fail(transport.PhaseDial, io.EOF)
		a := stub.New().Next(down, down, down.WithDelay(time.Second), stub.Fail(transport.PhaseDial, context.Canceled), stub.Accept().WithDelay(time.Second))
		var states []string
		b := build(t, policy.Breaker{Next: a, Threshold: 2, OpenFor: time.Minute, OnStateChange: func(s policy.BreakerState) { states = append(states, s.String()) }})
		send := func(n int) (accepted int) {
			var mu sync.Mutex
			var sends sync.WaitGroup
			for i := range n {
				sends.Go(func() {
					if _, err := b.Send(t.Context(), mail(t, fmt.Sprintf("x%d@example.org", i))); err == nil {
						mu.Lock()
						defer mu.Unlock()
						accepted++
					}
				})
			}
			sends.Wait()
			return accepted
		}
		var asked []int
		look := func() { asked = append(asked, len(a.Calls())); a.Reset() }
		send(1)
		send(1)
		look() // two faults: open
		send(10)
		look() // no mail is let through
		time.Sleep(time.Minute)
		send(10)
		look() // one probe, which fails
		time.Sleep(time.Minute)
		send(1)
		look() // one probe, which was given up and says nothing
		if n := send(10); n != 1 {
			t.Errorf("%d mails got through beside the probe", n)
		}
		look() // one probe, which is accepted: closed
		if n := send(10); n != 10 {
			t.Errorf("%d of 10 accepted", n)
		}
		look()
		if diff := cmp.Diff([]int{2, 0, 1, 1, 1, 10}, asked); diff != "" {
			t.Errorf("asked (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]string{"open", "half open", "open", "half open", "closed"}, states); diff != "" {
			t.Errorf("states (-want +got):\n%s", diff)
		}
	})
}

// TestBreakerLate lets mails that went out before the breaker opened come back after it did.
func TestBreakerLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := stub.Fail(transport.PhaseDial, io.EOF)
		a := stub.New().Next(stub.Accept().WithDelay(time.Minute), down)
		b := build(t, policy.Breaker{Next: a, Threshold: 1, OpenFor: time.Hour})
		var slow sync.WaitGroup
		slow.Go(func() { _, _ = b.Send(t.Context(), mail(t, "x@example.org")) })
		synctest.Wait()
		_, _ = b.Send(t.Context(), mail(t, "x@example.org"))
		slow.Wait()
		var open *policy.BreakerOpenError
		if _, err := b.Send(t.Context(), mail(t, "x@example.org")); !errors.As(err, &open) || !errors.Is(err, io.EOF) {
			t.Errorf("an old success closed the breaker: %v", err)
		}
	})
}

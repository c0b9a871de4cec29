package policy_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/policy"
	"github.com/depeche-mail/depeche/transport/stub"
)

// TestWrappersKeepTheirErrors: what a step of the caller's puts around a SendError is found in what each
// combinator returns, also when several attempts were lost.
func TestWrappersKeepTheirErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mine, down := errors.New("mine"), errors.New("down")
		wrapped := func() transport.Transport {
			s := stub.New()
			s.Always(stub.Fail(transport.PhaseDial, transient{down}))
			return transport.Func(func(ctx context.Context, mail transport.Mail) (*transport.Result, error) {
				result, err := s.Send(ctx, mail)
				return result, fmt.Errorf("tenant 7: %w: %w", mine, err)
			})
		}
		for name, build := range map[string]func() (transport.Transport, error){
			"failover":  policy.Failover{Relays: []transport.Transport{wrapped(), wrapped()}}.Build,
			"retry":     policy.Retry{Next: wrapped()}.Build,
			"by domain": policy.ByDomain{Default: wrapped()}.Build,
			"redirect":  policy.RedirectAll{Next: wrapped(), To: env(t, "b@example.org").At(0).Address}.Build,
			"breaker":   policy.Breaker{Next: wrapped(), Threshold: 1}.Build,
		} {
			tr, err := build()
			if err != nil {
				t.Fatal(err)
			}
			for range 2 { // the second one finds the breaker open
				_, err = tr.Send(t.Context(), mail(t, "b@example.org"))
				if failed := new(transport.SendError); !errors.Is(err, mine) || !errors.Is(err, down) || !errors.As(err, &failed) {
					t.Errorf("%s: %v", name, err)
				}
			}
		}
	})
}

// transient is an error that may pass.
type transient struct{ error }

func (transient) Temporary() bool { return true }
func (e transient) Unwrap() error { return e.error }

// TestProbeThatDoesNotReturn: a breaker does not stay open because of the mail that was to close it.
func TestProbeThatDoesNotReturn(t *testing.T) {
	one := func(ctx context.Context, b transport.Transport, m transport.Mail) error {
		_, err := b.Send(ctx, m)
		return err
	}
	bulk := func(ctx context.Context, b transport.Transport, m transport.Mail) (err error) {
		for _, err = range transport.SendAll(ctx, b, slices.Values([]transport.Mail{m})) {
		}
		return err
	}
	panics := func() { panic("the transport's") }
	for name, tc := range map[string]struct {
		leave func()
		send  func(context.Context, transport.Transport, transport.Mail) error
	}{
		"panic": {panics, one}, "Goexit": {runtime.Goexit, one}, "panic in bulk": {panics, bulk}, "Goexit in bulk": {runtime.Goexit, bulk},
	} {
		t.Run(name, func(t *testing.T) { synctest.Test(t, func(t *testing.T) { probe(t, tc.leave, tc.send) }) })
	}
}

// probe lets the probe of a breaker leave, and sends once more.
func probe(t *testing.T, leave func(), send func(context.Context, transport.Transport, transport.Mail) error) {
	t.Helper()
	good := stub.New()
	good.Next(stub.Fail(transport.PhaseDial, errors.New("down")))
	broken := false
	b, err := policy.Breaker{Threshold: 1, OpenFor: time.Second, Next: transport.Func(func(ctx context.Context, mail transport.Mail) (*transport.Result, error) {
		if broken {
			leave()
		}
		return good.Send(ctx, mail)
	})}.Build()
	if err != nil {
		t.Fatal(err)
	}
	m := mail(t, "b@example.org")
	if err := send(t.Context(), b, m); err == nil {
		t.Fatal("the first one went through")
	}
	time.Sleep(2 * time.Second) // of the bubble
	broken = true
	var left sync.WaitGroup
	left.Go(func() {
		defer func() { _ = recover() }()
		_ = send(t.Context(), b, m)
	})
	left.Wait()
	broken = false
	if err := send(t.Context(), b, m); err != nil {
		t.Errorf("the breaker stays open: %v", err)
	}
}

func TestRetryWithoutEnd(t *testing.T) {
	s := stub.New()
	s.Always(stub.Reject(transport.PhaseRcpt, 450))
	r, err := policy.Retry{Next: s, InitialBackoff: math.MaxInt64, MaxBackoff: math.MaxInt64}.Build()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	if _, err := r.Send(ctx, mail(t, "b@example.org")); err == nil {
		t.Error("it was accepted")
	}
}

package policy_test

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/policy"
)

// asked is a transport whose Check takes a while, and does something at its end.
type asked struct {
	transport.Transport
	takes time.Duration // 0 is not at all, less until ctx ends
	err   error
	leave func() // instead of an answer
	calls int
}

func (a *asked) Check(ctx context.Context) error {
	a.calls++
	if a.takes < 0 {
		<-ctx.Done()
		return context.Cause(ctx)
	}
	time.Sleep(a.takes)
	if a.leave != nil {
		a.leave()
	}
	return a.err
}

var (
	errFirst  = errors.New("the first is down")
	errSecond = errors.New("the second is down")
)

// over puts two relays into a policy that needs one of them, or both.
var over = map[string]func(t *testing.T, a, b transport.Transport) transport.Transport{
	"one": func(t *testing.T, a, b transport.Transport) transport.Transport {
		return build(t, policy.Failover{Relays: []transport.Transport{a, b}})
	},
	"one in turn": func(t *testing.T, a, b transport.Transport) transport.Transport {
		return build(t, policy.Balance{Relays: []transport.Transport{a, b}})
	},
	"both": func(t *testing.T, a, b transport.Transport) transport.Transport {
		return build(t, policy.ByDomain{Default: a, Routes: map[string]transport.Transport{"example.org": b}})
	},
}

// TestChecksSideBySide: a relay that is silent costs no other its time, one that is ready leaves the next in peace, and
// the answers of all are kept.
func TestChecksSideBySide(t *testing.T) {
	const second, minute = time.Second, time.Minute
	for name, c := range map[string]struct {
		over   string
		a, b   asked
		want   []error
		within time.Duration
		spared bool // b is not asked
	}{
		"the first at once":            {"one", asked{}, asked{}, nil, 0, true},
		"the first fails at once":      {"one", asked{err: errFirst}, asked{}, nil, 0, false},
		"the first is silent":          {"one", asked{takes: -1}, asked{}, nil, second, false},
		"the second is silent":         {"one", asked{takes: second}, asked{takes: -1}, nil, second, false},
		"in turn, the first is silent": {"one in turn", asked{takes: -1}, asked{}, nil, second, false},
		"both fail":                    {"one", asked{takes: minute, err: errFirst}, asked{takes: minute, err: errSecond}, []error{errFirst, errSecond}, minute + second, false},
		"both are needed":              {"both", asked{takes: minute}, asked{takes: minute}, nil, minute, false},
		"both are needed and fail":     {"both", asked{takes: minute, err: errFirst}, asked{err: errSecond}, []error{errFirst, errSecond}, minute, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c.a.Transport, c.b.Transport = transport.Discard(), transport.Discard()
				begin := time.Now()
				err := transport.Check(t.Context(), over[c.over](t, &c.a, &c.b))
				for _, want := range c.want {
					if !errors.Is(err, want) {
						t.Errorf("no %q in %v", want, err)
					}
				}
				if took := time.Since(begin); len(c.want) == 0 && err != nil || took > c.within || c.a.calls != 1 || (c.b.calls == 0) != c.spared {
					t.Errorf("%v after %v, asked %d and %d times", err, took, c.a.calls, c.b.calls)
				}
			})
		})
	}
}

// TestCheckThatDoesNotReturn: a Check of the caller's own transport that panics or ends its goroutine does so in the
// goroutine of the caller, who has asked several, and no other Check is left waiting.
func TestCheckThatDoesNotReturn(t *testing.T) {
	for how, leave := range map[string]func(){"panic": func() { panic(errFirst) }, "Goexit": runtime.Goexit} {
		for name, of := range over {
			for order, silentFirst := range map[string]bool{"first": false, "second": true} {
				t.Run(how+" of the "+order+" of which we need "+name, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						var a, b transport.Transport = &asked{Transport: transport.Discard(), takes: time.Second, leave: leave}, &asked{Transport: transport.Discard(), takes: -1}
						if silentFirst {
							a, b = b, a
						}
						sender := of(t, a, b)
						var recovered any
						returned := false
						ended := make(chan struct{})
						go func() {
							defer close(ended)
							defer func() { recovered = recover() }()
							_ = transport.Check(t.Context(), sender)
							returned = true
						}()
						<-ended
						err, _ := recovered.(error)
						if returned || (how == "panic") != errors.Is(err, errFirst) {
							t.Errorf("returned: %v, recovered %v", returned, recovered)
						}
					})
				})
			}
		}
	}
}

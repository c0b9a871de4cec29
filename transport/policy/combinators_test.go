package policy_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/policy"
	"github.com/depeche-mail/depeche/transport/stub"
	"github.com/depeche-mail/depeche/transport/transporttest"
)

// combinators makes one of each over two relays.
var combinators = map[string]func(a, b transport.Transport) (transport.Transport, error){
	"Failover": func(a, b transport.Transport) (transport.Transport, error) {
		return policy.Failover{Relays: []transport.Transport{a, b}}.Build()
	},
	"Balance": func(a, b transport.Transport) (transport.Transport, error) {
		return policy.Balance{Relays: []transport.Transport{a, b}}.Build()
	},
	"Balance weighted": func(a, b transport.Transport) (transport.Transport, error) {
		return policy.Balance{Relays: []transport.Transport{a, b}, Weights: []int{3, 1}}.Build()
	},
	"Balance least loaded": func(a, b transport.Transport) (transport.Transport, error) {
		return policy.Balance{Relays: []transport.Transport{a, b}, Strategy: policy.StrategyLeastLoaded}.Build()
	},
	"Retry": func(a, _ transport.Transport) (transport.Transport, error) {
		return policy.Retry{Next: a, InitialBackoff: time.Millisecond}.Build()
	},
	"Retry at least once": func(a, _ transport.Transport) (transport.Transport, error) {
		return policy.Retry{Next: a, InitialBackoff: time.Millisecond, Guarantee: policy.DangerousAtLeastOnce}.Build()
	},
	"RateLimit": func(a, _ transport.Transport) (transport.Transport, error) {
		fast := policy.Rate{Count: 1 << 40}
		return policy.RateLimit{Next: a, Messages: fast, Recipients: fast, Bytes: fast}.Build()
	},
	"Pace": func(a, _ transport.Transport) (transport.Transport, error) {
		return policy.Pace{Next: a, Start: policy.Rate{Count: 1 << 40}, MaxWait: time.Millisecond}.Build()
	},
	"Quota": func(a, _ transport.Transport) (transport.Transport, error) {
		return policy.Quota{Next: a, Messages: 1000, Recipients: 1000}.Build()
	},
	"Suppress": func(a, _ transport.Transport) (transport.Transport, error) {
		return policy.Suppress{Next: a, List: &list{}}.Build()
	},
	"Breaker": func(a, _ transport.Transport) (transport.Transport, error) { return policy.Breaker{Next: a}.Build() },
	"Limit": func(a, _ transport.Transport) (transport.Transport, error) {
		return policy.Limit{Next: a, Recipients: 100, MaxBytes: 1 << 30}.Build()
	},
	"ByDomain": func(a, b transport.Transport) (transport.Transport, error) {
		return policy.ByDomain{Routes: map[string]transport.Transport{"example.org": a}, Default: b}.Build()
	},
	"Tee": func(a, _ transport.Transport) (transport.Transport, error) {
		return policy.Tee{Next: a, Copy: stub.New()}.Build()
	},
	"Defaults": func(a, _ transport.Transport) (transport.Transport, error) {
		return policy.Defaults{Next: a, Notify: envelope.NotifyFailure}.Build()
	},
	"Overrides": func(a, _ transport.Transport) (transport.Transport, error) {
		return policy.Overrides{Next: a, Options: envelope.Options{DSNReturn: envelope.ReturnHeaders}}.Build()
	},
	"Wrap": func(a, _ transport.Transport) (transport.Transport, error) {
		pass := func(ctx context.Context, mail transport.Mail, next transport.Transport) (*transport.Result, error) {
			return next.Send(ctx, mail)
		}
		return policy.Wrap{Next: a, Middleware: []policy.Middleware{pass, pass}}.Build()
	},
	"Prepare": func(a, _ transport.Transport) (transport.Transport, error) {
		return policy.Prepare{Next: a, Steps: []policy.Step{keep, keep}, Ahead: 3}.Build()
	},
	"Observe": func(a, _ transport.Transport) (transport.Transport, error) {
		return policy.Observe{Next: a, Observer: &counting{}}.Build()
	},
	"nested": func(a, b transport.Transport) (transport.Transport, error) {
		guarded, err := policy.Breaker{Next: a}.Build()
		if err != nil {
			return nil, err
		}
		both, err := policy.Failover{Relays: []transport.Transport{guarded, b}}.Build()
		if err != nil {
			return nil, err
		}
		return policy.Retry{Next: both, InitialBackoff: time.Millisecond}.Build()
	},
}

// keep is a step that does nothing.
func keep(_ context.Context, mail transport.Mail) ([]transport.Mail, error) {
	return []transport.Mail{mail}, nil
}

func received(relays ...*stub.Transport) []transporttest.Received {
	var all []transporttest.Received
	for _, s := range relays {
		calls := s.Calls()
		for _, m := range s.Messages() {
			r := transporttest.Received{From: m.Envelope.From().String(), Data: m.Data}
			for _, to := range calls[m.Call].Result.Recipients {
				if to.Outcome == transport.Accepted {
					r.To = append(r.To, to.Address.String())
				}
			}
			all = append(all, r)
		}
	}
	return all
}

// refusing is a relay that refuses two recipients.
func refusing(name, rejected, deferred string) *stub.Transport {
	return stub.Named(name).
		AlwaysFor(rejected, stub.Reject(transport.PhaseRcpt, 550)).
		AlwaysFor(deferred, stub.Reject(transport.PhaseRcpt, 450))
}

func pick(t *testing.T, name string, a, b transport.Transport) transport.Transport {
	t.Helper()
	made, err := combinators[name](a, b)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func TestConformance(t *testing.T) {
	for _, name := range slices.Sorted(maps.Keys(combinators)) {
		t.Run(name, func(t *testing.T) {
			var a, b *stub.Transport
			transporttest.Run(t, transporttest.Harness{
				New: func(t *testing.T) transport.Transport {
					a, b = stub.Named("a"), stub.Named("b")
					return pick(t, name, a, b)
				},
				Refusing: func(t *testing.T, rejected, deferred string) transport.Transport {
					a, b = refusing("a", rejected, deferred), refusing("b", rejected, deferred)
					return pick(t, name, a, b)
				},
				Losing: func(t *testing.T) transport.Transport {
					if name == "Retry at least once" { // which does not let it rest
						a = stub.New().Always(stub.LoseReply())
						return build(t, policy.Retry{Next: a, MaxAttempts: 1, Guarantee: policy.DangerousAtLeastOnce})
					}
					a, b = stub.New().Always(stub.LoseReply()), stub.New().Always(stub.LoseReply())
					return pick(t, name, a, b)
				},
				Received: func(*testing.T) []transporttest.Received { return received(a, b) },
			})
		})
	}
}

// TestMisbehaving puts each combinator over transports that break the contract. No combinator may panic, and
// what cannot be known must be Unknown.
func TestMisbehaving(t *testing.T) {
	mail := transport.Raw(env(t, "x@example.org", "y@example.org"), []byte("Subject: x\r\n\r\nx\r\n"))
	liars := map[string]transport.Func{
		"nothing":         func(context.Context, transport.Mail) (*transport.Result, error) { return nil, nil },
		"a bare error":    func(context.Context, transport.Mail) (*transport.Result, error) { return nil, errors.New("no") },
		"an empty result": func(context.Context, transport.Mail) (*transport.Result, error) { return &transport.Result{}, nil },
		"hidden rejection": func(_ context.Context, m transport.Mail) (*transport.Result, error) {
			return transport.NewResult(m.Envelope(), transport.Rejected, transport.Reply{}), nil
		},
		"somebody else": func(_ context.Context, _ transport.Mail) (*transport.Result, error) {
			return transport.NewResult(env(t, "p@example.org", "q@example.org"), transport.Accepted, transport.Reply{}), nil
		},
		"an error for a success": func(_ context.Context, m transport.Mail) (*transport.Result, error) {
			return transport.NewResult(m.Envelope(), transport.Accepted, transport.Reply{}), errors.New("no")
		},
		"no such outcome": func(_ context.Context, m transport.Mail) (*transport.Result, error) {
			return transport.NewResult(m.Envelope(), 77, transport.Reply{}), errors.New("no")
		},
	}
	for name, build := range combinators {
		for lie, liar := range liars {
			t.Run(name+"/"+lie, func(t *testing.T) {
				made, err := build(liar, liar)
				if err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond) // ends the waits of Retry
				defer cancel()
				result, err := made.Send(ctx, mail)
				if result.Count(transport.Unknown) != 2 || !errors.Is(err, policy.ErrContract) {
					t.Errorf("%+v, %v", result, err)
				}
			})
		}
	}
}

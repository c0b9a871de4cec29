package smtp_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/ledger"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/policy"
	"github.com/depeche-mail/depeche/transport/stub"
	"github.com/google/go-cmp/cmp"
)

// through are the transports over one other that must say of a failure what that one said.
var through = map[string]func(transport.Transport) (transport.Transport, error){
	"Failover": func(n transport.Transport) (transport.Transport, error) {
		return policy.Failover{Relays: []transport.Transport{n}}.Build()
	},
	"Balance": func(n transport.Transport) (transport.Transport, error) {
		return policy.Balance{Relays: []transport.Transport{n}}.Build()
	},
	"Retry": func(n transport.Transport) (transport.Transport, error) {
		return policy.Retry{Next: n, MaxAttempts: 1}.Build()
	},
	"Breaker":   func(n transport.Transport) (transport.Transport, error) { return policy.Breaker{Next: n}.Build() },
	"RateLimit": func(n transport.Transport) (transport.Transport, error) { return policy.RateLimit{Next: n}.Build() },
	"ByDomain":  func(n transport.Transport) (transport.Transport, error) { return policy.ByDomain{Default: n}.Build() },
	"Tee": func(n transport.Transport) (transport.Transport, error) {
		return policy.Tee{Next: n, Copy: stub.New()}.Build()
	},
	"Limit": func(n transport.Transport) (transport.Transport, error) { return policy.Limit{Next: n}.Build() },
	"Defaults": func(n transport.Transport) (transport.Transport, error) {
		return policy.Defaults{Next: n, Options: envelope.Options{EnvelopeID: "id"}}.Build()
	},
	"Prepare": func(n transport.Transport) (transport.Transport, error) {
		step := func(_ context.Context, m transport.Mail) ([]transport.Mail, error) { return []transport.Mail{m}, nil }
		return policy.Prepare{Next: n, Steps: []policy.Step{step}}.Build()
	},
	"Observe": func(n transport.Transport) (transport.Transport, error) {
		return policy.Observe{Next: n, Observer: &told{}}.Build()
	},
	"Wrap": func(n transport.Transport) (transport.Transport, error) { return policy.Wrap{Next: n}.Build() },
	"Once": func(n transport.Transport) (transport.Transport, error) {
		return ledger.Once{Next: keyless{n}, Ledger: ledger.NewMemory()}.Build()
	},
}

// keyless hides the key that Once needs from the transport below.
type keyless struct{ transport.Transport }

// sayTheSame compares what is said of a failure through each transport over one other with what that one said. The failure
// is played again: those above see nothing of it but the result and the error.
func sayTheSame(t *testing.T, m transport.Mail, result *transport.Result, failed error) {
	t.Helper()
	want := line("", failed)
	for name, build := range through {
		s, err := build(transport.Func(func(context.Context, transport.Mail) (*transport.Result, error) { return result, failed }))
		if err != nil {
			t.Fatal(err)
		}
		sent := m
		if name == "Once" {
			sent = transport.WithKey(m, "k")
		}
		_, err = s.Send(t.Context(), sent)
		var own *transport.SendError
		if errors.As(failed, &own) && !errors.Is(error(own), failed) && name == "Once" { // it has a Result of its own, and tells the words of a step after it
			if got := err.Error(); got != "send: 2 of 2 recipients not accepted, first b@example.org not sent: a: dial: tenant 7: EOF" {
				t.Errorf("through %s: %s", name, got)
			}
			continue
		}
		if diff := cmp.Diff(want, line("", err)); diff != "" {
			t.Errorf("through %s (-want +got):\n%s", name, diff)
		}
	}
}

// stubPhases are the phases of a stub, and stubWays the ways in which it fails in each.
var (
	stubPhases = []transport.Phase{
		transport.PhaseMessage, transport.PhaseWait, transport.PhaseDial, transport.PhaseTLS, transport.PhaseGreeting, transport.PhaseHello,
		transport.PhaseAuth, transport.PhaseMail, transport.PhaseRcpt, transport.PhaseData, transport.PhaseBody, transport.PhaseFinal,
	}
	stubWays = []struct {
		name   string
		answer func(transport.Phase) stub.Answer
	}{
		{"for now", func(p transport.Phase) stub.Answer { return stub.Reject(p, 450, "4.3.0 later") }},
		{"for good", func(p transport.Phase) stub.Answer { return stub.Reject(p, 550, "5.1.1 no") }},
		{"421", func(p transport.Phase) stub.Answer { return stub.Reject(p, 421) }},
		{"lost", func(p transport.Phase) stub.Answer { return stub.Fail(p, io.ErrUnexpectedEOF) }},
		{"canceled", func(p transport.Phase) stub.Answer { return stub.Fail(p, context.Canceled) }},
		{"in doubt", func(transport.Phase) stub.Answer { return stub.LoseReply() }},
	}
)

// overStubs are the phases times the ways of a stub by itself, and through the combinators that ask several times.
func overStubs() (list []failing) {
	type tree struct {
		name  string
		build func(stub.Answer) (transport.Transport, error)
	}
	trees := []tree{
		{"stub", func(a stub.Answer) (transport.Transport, error) { return stub.Named("a").Always(a), nil }},
		{"failover", func(a stub.Answer) (transport.Transport, error) {
			return policy.Failover{Relays: []transport.Transport{stub.Named("a").Always(a), stub.Named("b").Always(a)}}.Build()
		}},
		{"balance", func(a stub.Answer) (transport.Transport, error) {
			return policy.Balance{Relays: []transport.Transport{stub.Named("a").Always(a), stub.Named("b").Always(a)}}.Build()
		}},
		{"retry", func(a stub.Answer) (transport.Transport, error) {
			return policy.Retry{Next: stub.Named("a").Always(a), MaxAttempts: 2, InitialBackoff: 1}.Build()
		}},
		{"bydomain", func(a stub.Answer) (transport.Transport, error) {
			return policy.ByDomain{Routes: map[string]transport.Transport{"example.org": stub.Named("a").Always(a)}, Default: stub.Named("b")}.Build()
		}},
	}
	for _, tree := range trees {
		for _, phase := range stubPhases {
			for _, way := range stubWays {
				if way.name == "in doubt" && phase != transport.PhaseFinal { // it has one phase alone
					continue
				}
				list = append(list, failing{fmt.Sprintf("%s/%s/%s", tree.name, phase, way.name), func(t *testing.T) (transport.Mail, *transport.Result, error) {
					s, err := tree.build(way.answer(phase))
					if err != nil {
						t.Fatal(err)
					}
					m := mail(t, "b@example.org", "c@example.net")
					result, err := s.Send(t.Context(), m)
					return m, result, err
				}})
			}
		}
	}
	return list
}

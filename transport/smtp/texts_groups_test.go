package smtp_test

import (
	"context"
	"fmt"
	"io"
	"testing"

	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/policy"
	"github.com/depeche-mail/depeche/transport/stub"
)

// elsewhere are the other transports, and groups of them.
func elsewhere() []failing {
	m := func(t *testing.T) transport.Mail { return mail(t, "b@example.org", "c@example.org") }
	send := func(t *testing.T, s transport.Transport) (transport.Mail, *transport.Result, error) {
		m := m(t)
		result, err := s.Send(t.Context(), m)
		return m, result, err
	}
	closed := func(s transport.Transport) transport.Transport {
		_ = transport.Close(s) // only that it is closed matters
		return s
	}
	lost := func(name string) *stub.Transport {
		return stub.Named(name).Always(stub.Fail(transport.PhaseDial, io.EOF))
	}
	made := func(t *testing.T, d interface {
		Build() (transport.Transport, error)
	},
	) transport.Transport {
		s, err := d.Build()
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	return []failing{
		{"stub/some refused", func(t *testing.T) (transport.Mail, *transport.Result, error) {
			return send(t, stub.New().AlwaysFor("c@example.org", stub.Reject(transport.PhaseRcpt, 550, "5.1.1 no such user")))
		}},
		{"stub/verdict lost", func(t *testing.T) (transport.Mail, *transport.Result, error) {
			return send(t, stub.New().Always(stub.LoseReply()))
		}},
		{"stub/closed", func(t *testing.T) (transport.Mail, *transport.Result, error) { return send(t, closed(stub.New())) }},
		{"discard/closed", func(t *testing.T) (transport.Mail, *transport.Result, error) {
			return send(t, closed(transport.Discard()))
		}},
		{"failover/both down", func(t *testing.T) (transport.Mail, *transport.Result, error) {
			b := stub.Named("b").Always(stub.Reject(transport.PhaseMail, 530, "5.7.0 authentication required"))
			return send(t, made(t, policy.Failover{Relays: []transport.Transport{lost("a"), b}}))
		}},
		{"failover/one recipient accepted by the second", func(t *testing.T) (transport.Mail, *transport.Result, error) {
			a := stub.Named("a").AlwaysFor("b@example.org", stub.Reject(transport.PhaseRcpt, 450, "4.3.0 disk full")).
				AlwaysFor("c@example.org", stub.Reject(transport.PhaseRcpt, 550, "5.1.1 no such user"))
			return send(t, made(t, policy.Failover{Relays: []transport.Transport{a, stub.Named("b")}}))
		}},
		{"retry/three times", func(t *testing.T) (transport.Mail, *transport.Result, error) {
			return send(t, made(t, policy.Retry{Next: lost("a"), MaxAttempts: 3, InitialBackoff: 1}))
		}},
		{"retry over failover", func(t *testing.T) (transport.Mail, *transport.Result, error) {
			both := made(t, policy.Failover{Relays: []transport.Transport{lost("a"), lost("b")}, RetryPeriod: 1})
			return send(t, made(t, policy.Retry{Next: both, MaxAttempts: 2, InitialBackoff: 1}))
		}},
		{"bydomain/no route", func(t *testing.T) (transport.Mail, *transport.Result, error) {
			return send(t, made(t, policy.ByDomain{Routes: map[string]transport.Transport{"example.net": stub.New()}}))
		}},
		{"limit/too many recipients", func(t *testing.T) (transport.Mail, *transport.Result, error) {
			return send(t, made(t, policy.Limit{Next: stub.New(), Recipients: 1}))
		}},
		{"retry/closed", func(t *testing.T) (transport.Mail, *transport.Result, error) {
			return send(t, closed(made(t, policy.Retry{Next: stub.New()})))
		}},
		{"wrap/a step adds words", func(t *testing.T) (transport.Mail, *transport.Result, error) {
			step := func(ctx context.Context, m transport.Mail, next transport.Transport) (*transport.Result, error) {
				result, err := next.Send(ctx, m)
				if err != nil {
					err = fmt.Errorf("tenant 7: %w", err)
				}
				return result, err
			}
			return send(t, made(t, policy.Retry{Next: made(t, policy.Wrap{Next: lost("a"), Middleware: []policy.Middleware{step}}), MaxAttempts: 1}))
		}},
	}
}

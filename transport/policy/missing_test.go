package policy_test

import (
	"errors"
	"testing"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/policy"
	"github.com/depeche-mail/depeche/transport/stub"
)

// TestTransportIsMissing: a combinator over nothing cannot be built, and the error says which field lacks it.
func TestTransportIsMissing(t *testing.T) {
	some := stub.New()
	for field, list := range map[string][]interface {
		Build() (transport.Transport, error)
	}{
		"Next": {
			policy.Retry{},
			policy.RateLimit{},
			policy.Breaker{},
			policy.Limit{},
			policy.Observe{},
			policy.Wrap{},
			policy.Tee{Copy: some},
			policy.Defaults{},
			policy.RedirectAll{To: address(t, "a@example.org")},
			policy.Prepare{},
		},
		"Relays": {policy.Failover{}, policy.Balance{}, policy.Failover{Relays: []transport.Transport{some, nil}}, policy.Balance{Relays: []transport.Transport{nil}}},
		"Routes": {policy.ByDomain{}, policy.ByDomain{Routes: map[string]transport.Transport{"example.org": nil}}},
		"Copy":   {policy.Tee{Next: some}},
	} {
		for _, description := range list {
			_, err := description.Build()
			fault, ok := errors.AsType[*envelope.FieldError](err)
			if !ok || fault.Field != field || !errors.Is(err, policy.ErrNoTransport) {
				t.Errorf("%T: %v, want a fault of %s", description, err, field)
			}
		}
	}
}

package policy

import (
	"time"

	"github.com/depeche-mail/depeche/transport"
)

// Failover describes a transport that sends over the first of several relays and takes to the next
// one the recipients whom a relay did not serve:
//
//	sender, err := policy.Failover{Relays: []transport.Transport{primary, backup}}.Build()
//
// Only recipients who certainly did not get the mail move on; see [FailoverOn]. A relay that failed is
// asked last for RetryPeriod, and never left out.
type Failover struct {
	// Relays are asked in this order. The transport owns them.
	Relays []transport.Transport
	// On says which recipients move on.
	On FailoverOn
	// RetryPeriod is how long a relay that failed is asked after the others; 0 means one minute.
	RetryPeriod time.Duration
}

// Build checks the description and returns the transport. The error joins [envelope.FieldError]s.
//
// The Result names the relay of each recipient. When several relays failed, the cause of the error is
// a [*AttemptsError]. Check succeeds when one relay is ready; it asks the next when one fails, or has not answered for 250 ms.
func (f Failover) Build() (transport.Transport, error) {
	var bad configErrors
	bad.relays(f.Relays, f.On, f.RetryPeriod)
	if err := bad.err(); err != nil {
		return nil, err
	}
	return newGroup(f.On, f.RetryPeriod, make([]int, len(f.Relays))).build(append([]transport.Transport(nil), f.Relays...)), nil
}

// relays checks what Failover and Balance have in common.
func (f *configErrors) relays(relays []transport.Transport, moves FailoverOn, retryPeriod time.Duration) {
	if len(relays) == 0 {
		f.add("Relays", 0, "", ErrNoTransport)
	}
	f.over("Relays", relays...)
	choice(f, "On", moves, FailoverOnDeferred)
	f.duration("RetryPeriod", retryPeriod)
}

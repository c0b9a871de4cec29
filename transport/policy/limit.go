package policy

import (
	"context"
	"fmt"

	"github.com/depeche-mail/depeche/transport"
)

// Limit describes a transport that refuses mail that is too big before any work on it.
type Limit struct {
	// Next sends the mail. The transport owns it.
	Next transport.Transport
	// Recipients is how many a mail may have; 0 means no limit.
	Recipients int
	// MaxBytes is how large a mail may be; 0 means no limit.
	MaxBytes int64
}

// Build checks the description and returns the transport. The error joins [envelope.FieldError]s. The
// recipients of a mail over a limit are NotSent, and the cause is a [*LimitError].
func (l Limit) Build() (transport.Transport, error) {
	var bad configErrors
	bad.over("Next", l.Next)
	bad.count("Recipients", int64(l.Recipients))
	bad.count("MaxBytes", l.MaxBytes)
	if err := bad.err(); err != nil {
		return nil, err
	}
	return newCompound(func(transport.Mail) plan { return limitPlan{l} }, l.Next), nil
}

// LimitError says which limit of a [Limit] a mail exceeds.
type LimitError struct {
	Limit string // "recipients" or "octets"
	Count int64  // how many there are
	Max   int64  // how many there may be
}

// Error names the limit and the number.
func (e *LimitError) Error() string {
	return fmt.Sprintf("%d %s, at most %d are allowed", e.Count, e.Limit, e.Max)
}

// limitPlan is the plan of a mail that may be too big.
type limitPlan struct{ limits Limit }

func (p limitPlan) next(_ context.Context, a *attempts) (step, bool) {
	if a.last != nil {
		return step{}, false
	}
	if limit := p.limits.Recipients; limit > 0 && a.size > limit {
		a.stop(transport.PhaseMessage, &LimitError{Limit: "recipients", Count: int64(a.size), Max: int64(limit)})
		return step{}, false
	}
	if limit := p.limits.MaxBytes; limit > 0 {
		size, err := octetsOf(a.mail)
		switch {
		case err != nil:
			a.stop(transport.PhaseBody, err)
			return step{}, false
		case size > limit:
			a.stop(transport.PhaseMessage, &LimitError{Limit: "octets", Count: size, Max: limit})
			return step{}, false
		}
	}
	return step{to: a.all()}, true
}

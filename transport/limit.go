package transport

import (
	"context"
	"fmt"
)

// Limit describes a transport that refuses mail that is too big before anybody works on it.
type Limit struct {
	// Over sends the mail. The transport owns it.
	Over Transport
	// Recipients is how many a mail may have; 0 means no limit.
	Recipients int
	// Octets is how large a mail may be; 0 means no limit.
	Octets int64
}

// Build checks the description and returns the transport. The error joins [envelope.FieldError]s. The
// recipients of a mail over a limit are NotSent, and the cause is a [*LimitError].
func (l Limit) Build() (Transport, error) {
	var bad faults
	bad.over("Over", l.Over)
	bad.count("Recipients", int64(l.Recipients))
	bad.count("Octets", l.Octets)
	if err := bad.err(); err != nil {
		return nil, err
	}
	return newCompound(func(Mail) plan { return bounded{l} }, l.Over), nil
}

// LimitError says which limit of a [Limit] a mail exceeds.
type LimitError struct {
	What  string // "recipients" or "octets"
	Count int64  // how many there are
	Most  int64  // how many there may be
}

// Error names the limit and the number.
func (e *LimitError) Error() string {
	return fmt.Sprintf("%d %s, at most %d are allowed", e.Count, e.What, e.Most)
}

// bounded is the plan of a mail that may be too big.
type bounded struct{ limits Limit }

func (p bounded) next(_ context.Context, a *account) (step, bool) {
	if a.last != nil {
		return step{}, false
	}
	if most := p.limits.Recipients; most > 0 && a.size > most {
		a.stop(PhaseMessage, &LimitError{What: "recipients", Count: int64(a.size), Most: int64(most)})
		return step{}, false
	}
	if most := p.limits.Octets; most > 0 {
		size, err := octetsOf(a.mail)
		switch {
		case err != nil:
			a.stop(PhaseBody, err)
			return step{}, false
		case size > most:
			a.stop(PhaseMessage, &LimitError{What: "octets", Count: size, Most: most})
			return step{}, false
		}
	}
	return step{to: a.all()}, true
}

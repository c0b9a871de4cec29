package policy

import (
	"context"
	"errors"

	mailend "github.com/depeche-mail/depeche/internal/ending"
	"github.com/depeche-mail/depeche/transport"
)

// ending is how an attempt failed, as far as it says something about the relay.
type ending uint8

const (
	endCanceled ending = iota // the caller gave up
	endTooLate                // the caller's time ran out
	endClosing                // the relay closed the session: 421
	endRefused                // the relay refused something
	endLost                   // the connection broke off, or the time of a step ran out
	endOther                  // such as an untrusted certificate or a mail that cannot be sent
	endings     = iota
)

// stage is the part of an attempt in which it failed.
type stage uint8

const (
	stageOutside stage = iota // with the mail itself, or while it waited for a connection
	stageConnect              // until the relay is ready for mail
	stageSession              // from MAIL on
)

// relayFaults says which failures are the relay's: no connection came about, the relay refused to talk, or it broke
// off. What it says of an address or a message is not its fault, and neither is a caller who does not wait any longer,
// unless the relay let all of the caller's time pass before a connection stood.
var relayFaults = [...][endings]bool{
	//             canceled  too late  closing  refused  lost   other
	stageOutside: {false, false, false, false, false, false},
	stageConnect: {false, true, true, true, true, true},
	stageSession: {false, false, true, false, true, false},
}

// fault reports whether the attempt ended through the relay and not through the mail or its caller.
func (a *attempt) fault() bool {
	if a.failure == nil || errors.As(a.failure.Err, new(*mailend.Error)) { // such as of a ledger that let the mail not go
		return false
	}
	return relayFaults[stageOf(a.failure.Phase)][a.ending()]
}

func stageOf(p transport.Phase) stage {
	switch p {
	case transport.PhaseMessage, transport.PhaseWait:
		return stageOutside
	case transport.PhaseDial, transport.PhaseTLS, transport.PhaseGreeting, transport.PhaseHello, transport.PhaseAuth:
		return stageConnect
	}
	return stageSession
}

// ending finds the column of a failure: the first that fits.
func (a *attempt) ending() ending {
	cause := a.cause()
	switch {
	case cause.Reply.Code == closing:
		return endClosing
	case errors.Is(cause.Err, context.Canceled), a.callerDone && !errors.Is(cause.Err, context.DeadlineExceeded):
		return endCanceled
	case a.callerDone:
		return endTooLate
	case !cause.Reply.IsZero():
		return endRefused
	case cause.TemporaryCause():
		return endLost
	}
	return endOther
}

// closing is the code of a server that ends the session (RFC 5321 section 4.2.1).
const closing = 421

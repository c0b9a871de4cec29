package policy

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/depeche-mail/depeche/internal/expired"
	"github.com/depeche-mail/depeche/transport"
)

// ErrContract is the cause when a transport returned a Result that does not fit the mail, or none: what
// became of the mail cannot be known then, and every recipient is Unknown. It is also the cause when a [Step]
// returned mails that do not fit: then every recipient is NotSent.
var ErrContract = errors.New("a contract was broken: what was returned does not fit the mail")

// attempt is one hand-over of a mail to a transport, seen from above.
type attempt struct {
	result     *transport.Result
	failure    *transport.SendError // nil if every recipient was accepted; all that the transport returned is in it
	callerDone bool                 // the ctx of the caller had ended when it came back
}

// send hands mail to t and makes sure of what comes back.
func send(ctx context.Context, t transport.Transport, mail transport.Mail) *attempt {
	result, err := t.Send(ctx, mail)
	return validateResult(ctx, mail, result, err)
}

// validateResult looks at what a transport returned. Transports are written by others: what breaks the
// contract becomes Unknown here instead of a panic or a second delivery further up.
func validateResult(ctx context.Context, mail transport.Mail, result *transport.Result, err error) *attempt {
	a := new(attempt)
	a.validate(ctx, mail, result, err)
	return a
}

// validate is validateResult for an attempt that the caller has.
func (a *attempt) validate(ctx context.Context, mail transport.Mail, result *transport.Result, err error) {
	env := mail.Envelope()
	*a = attempt{result: result, callerDone: expired.Cause(ctx) != nil}
	if result == nil || len(result.Recipients) != env.Len() || (err == nil) != result.AllAccepted() && env.Len() > 0 {
		a.broken(mail, err)
		return
	}
	for i := range result.Recipients {
		if r := &result.Recipients[i]; r.Address != env.At(i).Address || r.Outcome > transport.Unknown {
			a.broken(mail, err)
			return
		}
	}
	nameRelays(result)
	if err == nil {
		return
	}
	said, ok := errors.AsType[*transport.SendError](err)
	switch {
	case !ok:
		a.failure = &transport.SendError{Result: result, Err: err}
	case err == error(said) && said.Result == result: //nolint:errorlint // what is around it must not be lost
		a.failure = said
	default:
		a.failure = &transport.SendError{Result: result, Phase: said.Phase, Reply: said.Reply, Err: err}
	}
}

// cause is the failure as the transport told it, by which it is judged: without what is around it.
func (a *attempt) cause() *transport.SendError {
	if said, ok := errors.AsType[*transport.SendError](a.failure.Err); ok && said.Result == a.result {
		return said
	}
	return a.failure
}

// err is the failure as an error, nil without one.
func (a *attempt) err() error {
	if a.failure == nil {
		return nil
	}
	return a.failure
}

// unsent is an attempt that did not come about.
func unsent(ctx context.Context, mail transport.Mail, phase transport.Phase, cause error) *attempt {
	result, err := transport.Fail(mail, phase, cause)
	return validateResult(ctx, mail, result, err)
}

// broken is the end of an attempt of which nothing can be believed.
func (a *attempt) broken(mail transport.Mail, err error) {
	cause := ErrContract
	if err != nil {
		cause = fmt.Errorf("%w: %w", ErrContract, err)
	}
	relay := ""
	if a.result != nil {
		relay = a.result.Relay
	}
	a.result = transport.NewResult(mail.Envelope(), transport.Unknown, transport.Reply{})
	a.result.Identify(mail)
	a.result.Relay = relay
	nameRelays(a.result)
	a.failure = &transport.SendError{Result: a.result, Phase: transport.PhaseFinal, Err: cause}
}

// alive reports whether the relay showed that it works, whatever it said.
func (a *attempt) alive() bool {
	return a.failure == nil || !a.fault() && !a.failure.Reply.IsZero()
}

// withheld reports whether a relay kept the mail back from recipients whom it did not refuse because
// of others whom it did (all or nothing). Such a mail goes elsewhere as a whole or not at all.
func withheld(e *transport.SendError) bool {
	var inner *transport.SendError
	if errors.As(e.Err, &inner) && inner.Result == e.Result { // in what a transport has put around it
		return withheld(inner)
	}
	if attempts, ok := e.Err.(*AttemptsError); ok { //nolint:errorlint // each attempt has its own answer
		return slices.ContainsFunc(attempts.failures, withheld)
	}
	if keptBack(e) {
		return true
	}
	switch e.Phase {
	case transport.PhaseMail, transport.PhaseRcpt, transport.PhaseData:
		refused := e.Result.Count(transport.Rejected) + e.Result.Count(transport.Deferred)
		return refused > 0 && e.Result.Count(transport.NotSent) > 0 && e.Reply.Code != closing && e.Err == nil
	}
	return false
}

// keptBack reports whether the cause says that a mail goes to all of its recipients or to none.
func keptBack(e *transport.SendError) bool {
	var cause interface{ KeptBack() bool }
	return errors.As(e.Err, &cause) && cause.KeptBack()
}

// cutShort reports whether a recipient was answered 421 and others were not sent the mail for that: a
// connection on which 421 was said is given up (RFC 5321 section 3.8). In an envelope with that recipient
// they would fare no better the next time.
func (a *attempt) cutShort() bool {
	r := a.result
	return a.failure != nil && !keptBack(a.cause()) && r.Count(transport.NotSent) > 0 && slices.ContainsFunc(r.Recipients, func(rcpt transport.RecipientResult) bool {
		return rcpt.Outcome == transport.Deferred && rcpt.Reply.Code == closing
	})
}

// resendable returns the recipients, by their position in this attempt, that may be sent again: those
// that want picks, never one who was accepted.
func (a *attempt) resendable(want func(*transport.RecipientResult) bool) []int {
	var list []int
	refused := false // a recipient stays without the mail
	for i := range a.result.Recipients {
		switch r := &a.result.Recipients[i]; {
		case r.Outcome == transport.Accepted:
		case want(r):
			list = append(list, i)
		default:
			refused = refused || r.Outcome != transport.Unknown
		}
	}
	if refused && a.failure != nil && withheld(a.cause()) {
		return nil
	}
	return list
}

// nameRelays names the relay and the queue id of each recipient in a result of one relay alone.
func nameRelays(r *transport.Result) {
	for i := range r.Recipients {
		if r.Recipients[i].Relay != "" {
			return
		}
	}
	for i := range r.Recipients {
		rcpt := &r.Recipients[i]
		rcpt.Relay = r.Relay
		if rcpt.Outcome == transport.Accepted && rcpt.QueueID == "" {
			rcpt.QueueID = r.QueueID
		}
	}
}

package transport

import (
	"errors"
	"fmt"
	"strings"
)

// Error tells on one line who did not get the mail, the relay, the phase and the reason:
//
//	send: joe@example.org rejected: smtp.example.org:465: rcpt: 550 5.1.1 no such user
//	send: 2 of 3 recipients not accepted, first joe@example.org not sent: a: dial: connection refused; b: auth: 535 5.7.8 no
func (e *SendError) Error() string {
	if who := e.who(); who != "" {
		return "send: " + who + ": " + e.Reason()
	}
	return "send: " + e.Reason()
}

// who names the first recipient that was not accepted.
func (e *SendError) who() string {
	if e.Result == nil {
		return ""
	}
	lost := len(e.Result.Recipients) - e.Result.Count(Accepted)
	for i := range e.Result.Recipients {
		r := &e.Result.Recipients[i]
		switch {
		case r.Outcome == Accepted:
		case len(e.Result.Recipients) == 1:
			return r.Address.String() + " " + r.Outcome.String()
		default:
			return fmt.Sprintf("%d of %d recipients not accepted, first %s %s", lost, len(e.Result.Recipients), r.Address, r.Outcome)
		}
	}
	return ""
}

// Reason tells relay, phase and reason without the recipients, for lists of attempts.
func (e *SendError) Reason() string {
	if several, ok := e.Err.(interface{ Attempts() []*SendError }); ok && len(several.Attempts()) > 0 { // it names the relays
		return e.Err.Error()
	}
	var b strings.Builder
	if e.Result != nil && e.Result.Relay != "" {
		b.WriteString(e.Result.Relay + ": ")
	}
	if e.Phase != "" {
		b.WriteString(string(e.Phase))
	}
	if why := e.why(); why != "" {
		b.WriteString(": " + why)
	}
	return b.String()
}

// why is the cause and the answer, each once.
func (e *SendError) why() string {
	if e.Err == nil {
		return e.Reply.String()
	}
	text := e.cause()
	for _, known := range []string{e.Reply.String(), strings.Join(e.Reply.Lines, " ")} {
		if known == "" || strings.Contains(text, known) {
			return text
		}
	}
	if exit := e.Reply.Code; exit < 100 { // the status of a program, which its error names
		return text + ": " + strings.Join(e.Reply.Lines, " ")
	}
	return text + ": " + e.Reply.String()
}

// cause is the text of Err without what this error says itself.
func (e *SendError) cause() string {
	text := ReasonOf(e.Err)
	var inner *SendError
	if errors.As(e.Err, &inner) && inner != e && inner.sameAttempt(e) { // a step has wrapped it
		text = strings.ReplaceAll(text, inner.Error(), inner.why())
	}
	return text
}

// sameAttempt reports whether both tell of the same attempt: their texts begin alike.
func (e *SendError) sameAttempt(other *SendError) bool {
	return e.Result == other.Result || e.Phase == other.Phase && e.Result != nil && other.Result != nil && e.Result.Relay == other.Result.Relay
}

// ReasonOf returns the text of err without prefixes that a text around it has already: what the method
// Reason() string of err says, or else Error.
func ReasonOf(err error) string {
	if r, ok := err.(interface{ Reason() string }); ok {
		return r.Reason()
	}
	return err.Error()
}

// Fault says who is meant: the fault of the first recipient that was not accepted and has one.
func (e *SendError) Fault() Fault {
	if e.Result != nil {
		for i := range e.Result.Recipients {
			if r := &e.Result.Recipients[i]; r.Outcome != Accepted && r.Fault != FaultUnknown {
				return r.Fault
			}
		}
	}
	return FaultUnknown
}

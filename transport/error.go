package transport

import (
	"context"
	"errors"
	"io"
	"net"

	"github.com/depeche-mail/depeche/transport/outcome"
)

// ErrClosed is the cause of a send over a transport after its Close or Shutdown. Every transport wraps it.
var ErrClosed = errors.New("transport is closed")

// ErrConnectionLost is what errors.Is finds in a [SendError] when a connection to the relay ended, by the server or on
// the way, while an answer was due; of several relays, when one of them was lost so. A refusal, a limit that ran out,
// the end of ctx, and a connection that never came about are not losses. It does not say whether the mail arrived: the
// outcomes do.
var ErrConnectionLost = outcome.ErrConnectionLost

// SendError says that at least one recipient was not accepted. errors.Is and errors.As see through
// it to the cause: context.Canceled, net.Error, *tls.CertificateVerificationError, io.EOF ...
type SendError struct {
	// Result is the Result that Send returned with this error.
	Result *Result
	// Phase is where the attempt ended, or where the first recipient was lost.
	Phase Phase
	// Reply is the server's last answer in that phase; its zero value means that there was none.
	Reply Reply
	// Err is the cause; nil when the server's refusal says it all.
	Err error
}

// Unwrap returns the cause.
func (e *SendError) Unwrap() error { return e.Err }

// Is makes errors.Is find [ErrConnectionLost] in a loss that the cause does not name itself.
func (e *SendError) Is(target error) bool {
	var inner *SendError
	var known interface{ ConnectionLost() bool }
	if target != ErrConnectionLost || errors.As(e.Err, &inner) || errors.As(e.Err, &known) { // these answer for themselves
		return false
	}
	return e.session() && outcome.IsLoss(e.Err)
}

// session reports whether the phase is one of a connection that stands, without the body: the same errors may come
// from the source of the message there.
func (e *SendError) session() bool {
	switch e.Phase {
	case PhaseTLS, PhaseGreeting, PhaseHello, PhaseAuth, PhaseMail, PhaseRcpt, PhaseData, PhaseFinal, PhaseReset, PhaseQuit:
		return true
	}
	return false
}

// Uncertain reports whether a recipient's outcome is Unknown: the message may have been delivered.
func (e *SendError) Uncertain() bool { return e.Result != nil && e.Result.Count(Unknown) > 0 }

// SafeToRetry reports whether sending the same mail to all its recipients again cannot deliver it
// twice: no recipient was accepted and none is uncertain. It does not say that a retry would help.
func (e *SendError) SafeToRetry() bool {
	return e.Result == nil || e.Result.Count(Accepted) == 0 && e.Result.Count(Unknown) == 0
}

// Temporary reports whether a later attempt may succeed for a recipient that was not accepted:
// the server said so with 4yz, or the connection failed, or the time ran out. A wrong password, an
// untrusted certificate or an unusable message is not temporary.
func (e *SendError) Temporary() bool {
	if e.Result != nil && e.Result.Count(Deferred) > 0 {
		return true
	}
	if e.Result != nil && e.Result.Count(NotSent) == 0 {
		return false
	}
	return e.TemporaryCause()
}

// TemporaryCause reports whether the cause alone, whatever became of the recipients, is one that may pass:
// a lost connection, a time that ran out, or an error that says so of itself.
func (e *SendError) TemporaryCause() bool {
	return temporary(e.Err) || e.Phase != PhaseBody && brokenOff(e.Err)
}

// brokenOff reports whether a connection ended too early. In the body the same errors may come from
// the source of the message.
func brokenOff(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

// temporary asks the cause itself before it looks for attempts that are temporary by nature.
func temporary(err error) bool {
	var known interface{ Temporary() bool }
	var network net.Error
	switch {
	case err == nil:
		return false
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return true
	case errors.As(err, &known):
		return known.Temporary()
	}
	return errors.As(err, &network)
}

// Fail returns the error of an attempt that ended before the server heard of the mail, with every
// recipient NotSent, in the form that Send returns it.
func Fail(mail Mail, phase Phase, err error) (*Result, error) {
	result := NewResult(mail.Envelope(), NotSent, Reply{})
	result.Identify(mail)
	return result, &SendError{Result: result, Phase: phase, Err: err}
}

package client

import (
	"errors"
	"strings"

	"github.com/depeche-mail/depeche/transport/outcome"
	"github.com/depeche-mail/depeche/transport/smtp/authentication"
	"github.com/depeche-mail/depeche/transport/smtp/response"
)

// Phase is the step of a session in which something happened; see package outcome.
type Phase = outcome.Phase

// The phases in the order in which a session goes through them.
const (
	PhaseMessage  = outcome.PhaseMessage
	PhaseDial     = outcome.PhaseDial
	PhaseTLS      = outcome.PhaseTLS
	PhaseGreeting = outcome.PhaseGreeting
	PhaseHello    = outcome.PhaseHello
	PhaseAuth     = outcome.PhaseAuth
	PhaseMail     = outcome.PhaseMail
	PhaseRcpt     = outcome.PhaseRcpt
	PhaseData     = outcome.PhaseData
	PhaseBody     = outcome.PhaseBody
	PhaseFinal    = outcome.PhaseFinal
	PhaseReset    = outcome.PhaseReset
	PhaseQuit     = outcome.PhaseQuit
	PhaseCommand  = outcome.PhaseCommand
)

// Error says in which phase a session failed, with which server, and why.
type Error struct {
	Phase Phase
	// Server is the address that was dialed, "" for a connection handed in.
	Server string
	// Response is the server's refusal; its zero value when the server did not refuse.
	Response response.Response
	// Err is the cause beside or instead of a refusal.
	Err error
	// Hint says what to do, where that is known; see [Situation].
	Hint Hint
}

// Error tells server, phase, cause and answer on one line.
func (e *Error) Error() string {
	text := "smtp: "
	if e.Server != "" {
		text += e.Server + ": "
	}
	text += string(e.Phase)
	if why := e.Reason(); why != "" {
		text += ": " + why
	}
	return text
}

// setHint enters a hint. A TLSError shows it itself.
func (e *Error) setHint(h Hint) {
	if fault, ok := errors.AsType[*TLSError](e.Err); ok && h.Kind != "" {
		fault.hint = h.Text
	}
	e.Hint = h
}

// Reason tells the cause, the answer and the hint, for a text that names server and phase itself.
func (e *Error) Reason() string {
	why := e.why()
	if e.Hint.Text == "" || strings.Contains(why, e.Hint.Text) {
		return why
	}
	return why + "; " + e.Hint.Text
}

// why is the cause and the answer, each once.
func (e *Error) why() string {
	var parts []string
	add := func(text string) {
		if text != "" && !strings.Contains(strings.Join(parts, ": "), text) {
			parts = append(parts, text)
		}
	}
	if fault, ok := errors.AsType[*TLSError](e.Err); ok && e.Hint.Text == fault.Hint() { // Reason has it at the end
		add(fault.short())
	} else if e.Err != nil {
		for text := range strings.SplitSeq(e.Err.Error(), "\n") { // errors.Join puts one on each line
			add(text)
		}
	}
	if !e.Response.IsZero() {
		add(e.Response.String())
	}
	return strings.Join(parts, ": ")
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is makes errors.Is find outcome.ErrConnectionLost where ConnectionLost reports true.
func (e *Error) Is(target error) bool {
	return target == outcome.ErrConnectionLost && e.ConnectionLost()
}

// ConnectionLost reports whether the connection ended, by the server or on the way, while an answer was due.
func (e *Error) ConnectionLost() bool {
	if fault, ok := errors.AsType[*TLSError](e.Err); ok {
		return fault.Kind == TLSInterrupted
	}
	switch {
	case e.Phase == PhaseDial, e.Phase == PhaseMessage, !e.Response.IsZero():
		return false
	case errors.As(e.Err, new(*contentError)), errors.Is(e.Err, ErrEnding): // the mail ended it
		return false
	case errors.As(e.Err, new(*closedError)), errors.Is(e.Err, errGone): // the server ended it unasked
		return true
	}
	return outcome.IsLoss(e.Err)
}

// Temporary reports whether a later attempt may succeed: the server refused for now, or the
// connection failed. Wrong credentials, an untrusted certificate, an unusable message or something
// that is not an SMTP server are not temporary.
func (e *Error) Temporary() bool {
	if !e.Response.IsZero() {
		return e.Response.Code.IsTransient()
	}
	for _, lasting := range []error{ErrInjection, ErrNoStartTLS, ErrUnsolicited} {
		if errors.Is(e.Err, lasting) {
			return false
		}
	}
	if login, ok := errors.AsType[*authentication.Error](e.Err); ok {
		return login.Temporary()
	}
	switch e.Phase {
	case PhaseMessage:
		var network interface{ Timeout() bool }
		return errors.As(e.Err, &network)
	case PhaseTLS:
		if fault, ok := errors.AsType[*TLSError](e.Err); ok {
			return fault.Temporary()
		}
	}
	return !errors.As(e.Err, new(*response.ProtocolError)) && !errors.As(e.Err, new(*contentError))
}

// Errors that a caller may want to tell apart.
var (
	// ErrBroken is the cause of every call after Close. After a connection broke in another way the cause is what broke it.
	ErrBroken = errors.New("connection is broken or closed")
	// ErrHijacked is the cause of every call after Hijack.
	ErrHijacked = errors.New("connection was handed over")
	// ErrInjection means that octets followed the answer to STARTTLS before the handshake. An attacker on
	// the way may have put them there; the connection was closed.
	ErrInjection = errors.New("octets before the TLS handshake: possible injection on the way")
	// ErrUnsolicited means that the server sent a reply to no command.
	ErrUnsolicited = errors.New("unsolicited reply")
	// ErrNoStartTLS means that TLS is required and the server does not offer STARTTLS.
	ErrNoStartTLS = errors.New("the server does not offer STARTTLS")
	// ErrClosing means that the server said 421: it takes no further commands on this connection.
	ErrClosing = errors.New("the server is closing the connection")
)

// errGone is why an idle connection is given up.
var errGone = errors.New("the server closed the connection, or spoke unasked, while it was idle")

// unsolicitedError is ErrUnsolicited with the reply, which is a fault of the protocol.
type unsolicitedError struct{ *response.ProtocolError }

func (e unsolicitedError) Unwrap() []error { return []error{ErrUnsolicited, e.ProtocolError} }

// closedError says that the server ended the session by a reply that answers no command, such as 421.
type closedError struct{ response response.Response }

func (e *closedError) Error() string { return "the server ended the session: " + e.response.String() }

package transport

import (
	"context"
	"io"

	"github.com/depeche-mail/depeche/envelope"
)

// Mail is a message ready to be sent. A *message.Message is one, [Raw] makes one of stored octets.
//
// A Mail may also know more about itself, each by a method of its own:
//
//	BodyInfo() (BodyInfo, bool) // size and kind of the octets; without it a transport reads the message once more
//	MessageID() string          // the Message-ID with its angle brackets
//	EnvelopeError() error       // why Envelope is the zero Envelope; Send's error wraps it
//	MessageIDGiven() bool       // the caller chose it: making the mail again gives the same
//	Key() string                // the caller's key, see WithKey
//	Fingerprint() string        // of what the mail was made of, see WithFingerprint
type Mail interface {
	// Envelope says who sends and who receives. It always returns the same value.
	Envelope() envelope.Envelope
	// WriteTo writes the message as RFC 5322 octets with CRLF line ends. Every call writes the
	// same octets, so that an attempt on another connection sends the same message.
	//
	// An error means that nothing of the message may be delivered, also when all of it was written: a
	// transport lets no octet leave that could complete the mail before WriteTo has returned nil. So a mail
	// may check at its end what it has written, as signed mail does, or note that it is about to be sent.
	WriteTo(w io.Writer) (int64, error)
}

// Transport sends mail. It is safe for concurrent use.
type Transport interface {
	// Send hands mail over and reports every recipient's fate. It blocks until the fate is known
	// or ctx ends; a ctx that ends before the message has left completely means that it was not
	// sent. The Result is never nil. The error is nil if and only if every recipient was
	// Accepted; otherwise it is or wraps a *SendError.
	Send(ctx context.Context, mail Mail) (*Result, error)
}

// Abilities that a Transport may have beside Send. Close, Shutdown and Check of this package find
// them by assertion.
type (
	// Closer gives back what the transport holds, at once.
	Closer interface{ Close() error }
	// Shutdowner refuses new mail, waits for what is in flight until ctx ends, then closes.
	Shutdowner interface {
		Shutdown(ctx context.Context) error
	}
	// Checker finds out whether mail could be sent now, without sending any.
	Checker interface {
		Check(ctx context.Context) error
	}
)

// Close closes t if it holds anything that can be closed.
func Close(t Transport) error {
	if c, ok := t.(Closer); ok {
		return c.Close()
	}
	return nil
}

// Shutdown lets t finish what is in flight, as far as it can, and closes it.
func Shutdown(ctx context.Context, t Transport) error {
	if s, ok := t.(Shutdowner); ok {
		return s.Shutdown(ctx)
	}
	return Close(t)
}

// Check asks t whether mail could be sent now; a t that cannot tell is taken to be ready.
func Check(ctx context.Context, t Transport) error {
	if c, ok := t.(Checker); ok {
		return c.Check(ctx)
	}
	return nil
}

// Func makes a Transport of a function, for tests and wrappers. The function keeps the contract of
// Transport; [Fail] makes the answer to a mail that it does not send.
type Func func(ctx context.Context, mail Mail) (*Result, error)

// Send calls f.
func (f Func) Send(ctx context.Context, mail Mail) (*Result, error) { return f(ctx, mail) }

package transport

import (
	"context"
	"io"
	"sync/atomic"

	"github.com/depeche-mail/depeche/envelope"
)

// Discard returns a transport that accepts every mail and keeps nothing: for switching mail off. It
// reads each mail, so that one that cannot be read is an error here too.
func Discard() Transport { return &discard{} }

type discard struct{ closed atomic.Bool }

// String returns the name of the transport, which is Result.Relay too.
func (d *discard) String() string { return "discard" }

// Close refuses further mail.
func (d *discard) Close() error {
	d.closed.Store(true)
	return nil
}

// Send reads mail and accepts it for every recipient.
func (d *discard) Send(ctx context.Context, mail Mail) (*Result, error) {
	if err := envelope.Check(mail); err != nil {
		return Fail(mail, PhaseMessage, err)
	}
	if d.closed.Load() {
		return Fail(mail, PhaseWait, ErrClosed)
	}
	_, err := mail.WriteTo(io.Discard)
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		return Fail(mail, PhaseBody, err)
	}
	result := NewResult(mail.Envelope(), Accepted, Reply{})
	result.Identify(mail)
	result.Relay = "discard"
	return result, nil
}

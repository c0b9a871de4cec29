package transport

import (
	"context"
	"io"

	"github.com/depeche-mail/depeche/envelope"
)

// Discard returns a transport that accepts every mail and keeps nothing: for switching mail off. It
// reads each mail, so that one that cannot be read is an error here too.
func Discard() Transport { return &discard{lifecycle: newOwner()} }

type discard struct{ *lifecycle }

func (d *discard) Send(ctx context.Context, mail Mail) (*Result, error) {
	if mail.Envelope().Len() == 0 {
		return Fail(mail, PhaseMessage, envelope.ErrNoRecipient)
	}
	if err := d.enter(); err != nil {
		return Fail(mail, PhaseWait, err)
	}
	defer d.leave()
	_, err := mail.WriteTo(io.Discard)
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		return Fail(mail, PhaseBody, err)
	}
	result := NewResult(mail.Envelope(), Accepted, Reply{})
	result.MessageID, result.Relay = MessageID(mail), "discard"
	return result, nil
}

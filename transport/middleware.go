package transport

import (
	"context"
	"errors"
	"slices"

	"github.com/depeche-mail/depeche/envelope"
)

// Middleware is a step around Send. It may change the mail before it hands it to next, look at the
// result, not send at all (see [Fail]), or send elsewhere. It keeps the contract of [Transport] and
// may be called from several goroutines.
type Middleware func(ctx context.Context, mail Mail, next Transport) (*Result, error)

// Wrap describes a transport with steps around the Send of another. Close, Shutdown and Check reach
// that other one.
type Wrap struct {
	// Next sends the mail. The transport owns it.
	Next Transport
	// Middleware are gone through in this order on the way out.
	Middleware []Middleware
}

// Build checks the description and returns the transport. The error joins [envelope.FieldError]s.
//
// A step sees one mail at a time, so [SendAll] over it sends several mails at once and cannot have
// more than one in flight on a connection.
func (w Wrap) Build() (Transport, error) {
	var bad faults
	bad.over("Next", w.Next)
	for i, s := range w.Middleware {
		if s == nil {
			bad.add("Middleware", i, "", errors.New("a step is missing"))
		}
	}
	if err := bad.err(); err != nil {
		return nil, err
	}
	chain := w.Next
	for _, step := range slices.Backward(w.Middleware) {
		next := chain
		chain = Func(func(ctx context.Context, mail Mail) (*Result, error) { return step(ctx, mail, next) })
	}
	return &wrapped{lifecycle: newOwner(w.Next), chain: chain}, nil
}

type wrapped struct {
	*lifecycle
	chain Transport
}

func (w *wrapped) Send(ctx context.Context, mail Mail) (*Result, error) {
	if mail.Envelope().Len() == 0 {
		return Fail(mail, PhaseMessage, envelope.ErrNoRecipient)
	}
	if err := w.enter(); err != nil {
		return Fail(mail, PhaseWait, err)
	}
	defer w.leave()
	of := send(ctx, w.chain, mail)
	return of.result, of.err
}

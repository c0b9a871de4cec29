package policy

import (
	"context"
	"errors"
	"slices"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport"
)

// Middleware is a step around Send. It may change the mail before it hands it to next, look at the
// result, not send at all (see [transport.Fail]), or send elsewhere. What it hands to next keeps the endings of mail
// ([transport.WithEnding]), by which a ledger above remembers. It keeps the contract of [transport.Transport] and may be called
// from several goroutines.
type Middleware func(ctx context.Context, mail transport.Mail, next transport.Transport) (*transport.Result, error)

// Wrap describes a transport with steps around the Send of another. Close, Shutdown and Check reach
// that other one.
type Wrap struct {
	// Next sends the mail. The transport owns it.
	Next transport.Transport
	// Middleware are gone through in this order on the way out.
	Middleware []Middleware
}

// Build checks the description and returns the transport. The error joins [envelope.FieldError]s.
//
// A step sees one mail at a time, so [transport.SendAll] over it sends several mails at once and cannot have
// more than one in flight on a connection.
func (w Wrap) Build() (transport.Transport, error) {
	var bad configErrors
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
		chain = transport.Func(func(ctx context.Context, mail transport.Mail) (*transport.Result, error) {
			return step(ctx, mail, keeping(mail, next))
		})
	}
	return &wrapped{lifecycle: newLifecycle(w.Next), chain: chain}, nil
}

type wrapped struct {
	*lifecycle
	chain transport.Transport
}

func (w *wrapped) Send(ctx context.Context, mail transport.Mail) (*transport.Result, error) {
	if err := envelope.Check(mail); err != nil {
		return transport.Fail(mail, transport.PhaseMessage, err)
	}
	if err := w.enter(); err != nil {
		return transport.Fail(mail, transport.PhaseWait, err)
	}
	defer w.leave()
	of := send(ctx, w.chain, mail)
	return of.result, of.err()
}

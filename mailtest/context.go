package mailtest

import (
	"context"
	"errors"

	"github.com/depeche-mail/depeche/transport"
)

// ErrNoInbox is the cause of a send through ByContext with a context that has no inbox.
var ErrNoInbox = errors.New("mailtest: no inbox in this context; send with the context of Inbox.Context")

type contextKey struct{}

// Context returns a copy of ctx that makes [ByContext] send to b.
func (b *Inbox) Context(ctx context.Context) context.Context {
	return context.WithValue(ctx, contextKey{}, b)
}

// ByContext returns a transport that sends each mail to the inbox of its context. It is for programs with
// one transport for all: parallel tests share it and still have an inbox each. Without an inbox in the
// context a send fails with ErrNoInbox.
func ByContext() transport.Transport {
	return transport.Func(func(ctx context.Context, mail transport.Mail) (*transport.Result, error) {
		inbox, ok := ctx.Value(contextKey{}).(*Inbox)
		if !ok {
			return transport.Fail(mail, transport.PhaseWait, ErrNoInbox)
		}
		return inbox.Send(ctx, mail)
	})
}

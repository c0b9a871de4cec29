// Package file is a transport that writes each message to disk, for development, for looking at mail
// that must not leave, and as a store that is sent later: as .eml files with their envelopes in JSON
// ([New]), as a Maildir ([Maildir]) or at the end of an mbox file ([Mbox]). [Open] reads all of them
// back, and what lettre's file transport has written.
//
// A message is there as a whole or not at all, also when the process is killed or the power fails:
// it is flushed to disk before it gets its name, and the folder behind it.
package file

import (
	"context"
	"sync/atomic"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport"
)

// Transport writes messages to one place. It is safe for concurrent use, also by several processes
// on the same place (an mbox file is locked, on Unix).
type Transport struct {
	name   string // of the relay in results
	layout writer
	closed atomic.Bool
}

// writer is a way to lay messages out on disk.
type writer interface {
	// write makes the message appear and returns its id. An error means that it did not.
	write(ctx context.Context, env envelope.Envelope, mail transport.Mail) (id string, err error)
}

// String returns the name of the transport, which is Result.Relay too.
func (t *Transport) String() string { return t.name }

// Send writes the message. The result's QueueID is the id for [Store.Get]; ids sort by time.
func (t *Transport) Send(ctx context.Context, mail transport.Mail) (*transport.Result, error) {
	env := mail.Envelope()
	if err := envelope.Check(mail); err != nil {
		return transport.Fail(mail, transport.PhaseMessage, err)
	}
	if t.closed.Load() {
		return transport.Fail(mail, transport.PhaseWait, transport.ErrClosed)
	}
	if ctx.Err() != nil {
		return transport.Fail(mail, transport.PhaseWait, context.Cause(ctx))
	}
	id, err := t.layout.write(ctx, env, mail)
	if err != nil {
		return transport.Fail(mail, transport.PhaseBody, err)
	}
	result := transport.NewResult(env, transport.Accepted, transport.Reply{Code: 250, Lines: []string{"written"}})
	result.Identify(mail)
	result.QueueID = id
	result.Relay = t.name
	return result, nil
}

// Close makes later sends fail with [transport.ErrClosed].
func (t *Transport) Close() error {
	t.closed.Store(true)
	return nil
}

// Package file is a transport that writes each message to disk, for development, for looking at mail
// that must not leave, and as a store that is sent later: as .eml files with their envelopes in JSON
// ([New]), as a Maildir ([Maildir]) or at the end of an mbox file ([Mbox]). [Open] reads all of them
// back, and what lettre's file transport has written.
//
// A message is there as a whole or not at all, also when the process is killed or the power fails:
// it is flushed to disk before it gets its name, and then the folder is. Bare CR, bare LF and NUL are
// refused as over SMTP, except in a Maildir and a folder of .eml files in mail that says it is binary.
//
// Reading never writes. Files are opened where they are named: a symbolic link, a pipe or a device in the
// place of a message or of an mbox file is an error.
package file

import (
	"context"
	"errors"
	"io"
	"sync/atomic"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/internal/bodyscan"
	"github.com/depeche-mail/depeche/transport"
)

// Transport writes messages to one place. It is safe for concurrent use, also by several processes
// on the same place.
type Transport struct {
	name   string // of the relay in results
	layout writer
	closed atomic.Bool
}

// writer is a way to lay messages out on disk.
type writer interface {
	// write makes the message appear and returns its id. An error means that it did not, except one that is
	// an uncertainError.
	write(ctx context.Context, env envelope.Envelope, mail transport.Mail) (id string, err error)
}

// String returns the name of the transport, which is Result.Relay too.
func (t *Transport) String() string { return t.name }

// Send writes the message. The result's QueueID is the id for [Store.Get]; ids sort by time.
func (t *Transport) Send(ctx context.Context, mail transport.Mail) (*transport.Result, error) {
	env := mail.Envelope()
	if err := envelope.Check(mail); err != nil {
		return t.fail(mail, transport.PhaseMessage, err)
	}
	if t.closed.Load() {
		return t.fail(mail, transport.PhaseWait, transport.ErrClosed)
	}
	if ctx.Err() != nil {
		return t.fail(mail, transport.PhaseWait, context.Cause(ctx))
	}
	id, err := t.layout.write(ctx, env, lines{mail, bodyscan.Canonical(mail)})
	if err != nil {
		return t.failed(mail, err)
	}
	result := transport.NewResult(env, transport.Accepted, transport.Reply{Code: 250, Lines: []string{"written"}})
	result.Identify(mail)
	result.QueueID = id
	result.Relay = t.name
	return result, nil
}

// fail is the end of a mail that went nowhere.
func (t *Transport) fail(mail transport.Mail, phase transport.Phase, err error) (*transport.Result, error) {
	result, err := transport.Fail(mail, phase, err)
	result.Relay = t.String()
	return result, err
}

// failed is the result of a write that has failed.
func (t *Transport) failed(mail transport.Mail, err error) (*transport.Result, error) {
	switch {
	case errors.Is(err, ErrLocked):
		return t.fail(mail, transport.PhaseWait, err)
	case !errors.As(err, new(uncertainError)):
		return t.fail(mail, transport.PhaseBody, err)
	}
	result := transport.NewResult(mail.Envelope(), transport.Unknown, transport.Reply{})
	result.Identify(mail)
	result.Relay = t.name
	return result, &transport.SendError{Result: result, Phase: transport.PhaseFinal, Err: err}
}

// uncertainError is a failure after which the message may be in the store.
type uncertainError struct{ error }

func (e uncertainError) Unwrap() error { return e.error }

// lines is a mail whose content is written as lines or not at all, unless it says that it is binary.
type lines struct {
	transport.Mail
	content io.WriterTo
}

// BodyInfo is what the mail says of itself.
func (l lines) BodyInfo() (transport.BodyInfo, bool) {
	if m, ok := l.Mail.(bodyscan.Informed); ok {
		return m.BodyInfo()
	}
	return transport.BodyInfo{}, false
}

// WriteTo fails at the first octet that may not be there.
func (l lines) WriteTo(w io.Writer) (int64, error) { return l.content.WriteTo(w) }

// Close makes later sends fail with [transport.ErrClosed].
func (t *Transport) Close() error {
	t.closed.Store(true)
	return nil
}

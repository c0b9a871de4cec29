// Package stub is a transport for tests: it records what was sent and sends nothing.
package stub

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport"
)

// ErrClosed is the cause of a send after Close.
var ErrClosed = errors.New("stub: transport is closed")

// Message is one recorded send.
type Message struct {
	Envelope  envelope.Envelope
	MessageID string    // with its angle brackets, "" when the mail did not know
	Data      []byte    // the exact octets of the message
	Time      time.Time // when Send had read the whole message
}

// Transport records messages and accepts every recipient. Its zero value is ready to use; it is
// safe for concurrent use.
type Transport struct {
	mu       sync.Mutex
	messages []Message
	closed   bool
}

// New returns a transport that has recorded nothing.
func New() *Transport { return &Transport{} }

// Send reads mail completely and records it. It fails when ctx has ended, when mail cannot be read
// or has no recipient, and after Close; then nothing is recorded.
func (t *Transport) Send(ctx context.Context, mail transport.Mail) (*transport.Result, error) {
	env := mail.Envelope()
	if env.Len() == 0 {
		return transport.Fail(mail, transport.PhaseMessage, envelope.ErrNoRecipient)
	}
	var data bytes.Buffer
	if _, err := mail.WriteTo(&data); err != nil {
		return transport.Fail(mail, transport.PhaseBody, err)
	}
	if err := ctx.Err(); err != nil {
		return transport.Fail(mail, transport.PhaseBody, context.Cause(ctx))
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return transport.Fail(mail, transport.PhaseWait, ErrClosed)
	}
	t.messages = append(t.messages, Message{
		Envelope: env, MessageID: transport.MessageID(mail), Data: data.Bytes(), Time: time.Now(),
	})
	result := transport.NewResult(env, transport.Accepted, transport.Reply{Code: 250, Lines: []string{"recorded"}})
	result.MessageID = transport.MessageID(mail)
	result.Relay = "stub"
	return result, nil
}

// Messages returns what was recorded so far, in the order in which the sends ended.
func (t *Transport) Messages() []Message {
	t.mu.Lock()
	defer t.mu.Unlock()
	messages := slices.Clone(t.messages)
	for i := range messages {
		messages[i].Data = bytes.Clone(messages[i].Data)
	}
	return messages
}

// Reset forgets what was recorded.
func (t *Transport) Reset() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.messages = nil
}

// Close makes later sends fail with ErrClosed; what was recorded stays.
func (t *Transport) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	return nil
}

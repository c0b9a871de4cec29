// Package stub is a transport for tests: it records what was sent, sends nothing, and ends as a
// script says.
//
//	relay := stub.New().
//		Next(stub.Fail(transport.PhaseDial, io.EOF), stub.Accept().WithDelay(time.Second)).
//		AlwaysFor("gone@example.org", stub.Reject(transport.PhaseRcpt, 550, "no such user"))
//
// Without a script every recipient is accepted. Times and pauses are those of package time, so that
// a test in a bubble of testing/synctest waits for nothing.
package stub

import (
	"bytes"
	"context"
	"sync"
	"time"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/internal/bodyscan"
	"github.com/depeche-mail/depeche/internal/pause"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/outcome"
)

// Transport records messages and answers as its script says. Its zero value is ready to use and
// accepts everything; it is safe for concurrent use.
type Transport struct {
	name    string
	mu      sync.Mutex
	scripts map[string]*script // "" is that of whole calls
	calls   []*Call
	closed  bool
}

// New returns a transport that has recorded nothing.
func New() *Transport { return &Transport{} }

// Named is New with another name than "stub" in Result.Relay.
func Named(name string) *Transport { return &Transport{name: name} }

// Send does what the script says about this call. Without a script it reads mail completely, records
// it and accepts every recipient. It fails when ctx has ended, when mail cannot be read or has no
// recipient, and after Close.
func (t *Transport) Send(ctx context.Context, mail transport.Mail) (*transport.Result, error) {
	call, err := t.begin(mail)
	if err != nil {
		return t.fail(mail, transport.PhaseWait, err)
	}
	result, err := t.perform(ctx, mail, call)
	t.mu.Lock()
	defer t.mu.Unlock()
	call.End, call.Result = time.Now(), copyResult(result)
	return result, err
}

// begin records that there is a call.
func (t *Transport) begin(mail transport.Mail) (*Call, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return nil, transport.ErrClosed
	}
	call := &Call{Envelope: mail.Envelope(), MessageID: transport.MessageID(mail), Begin: time.Now()}
	t.calls = append(t.calls, call)
	return call, nil
}

func (t *Transport) fail(mail transport.Mail, phase transport.Phase, err error) (*transport.Result, error) {
	result, err := transport.Fail(mail, phase, err)
	result.Relay = t.relay()
	return result, err
}

func (t *Transport) relay() string { return t.String() }

// String returns the name of the transport, which is Result.Relay too.
func (t *Transport) String() string {
	if t.name == "" {
		return "stub"
	}
	return t.name
}

// perform is a call from its beginning to its end.
func (t *Transport) perform(ctx context.Context, mail transport.Mail, call *Call) (*transport.Result, error) {
	env := mail.Envelope()
	unusable := envelope.Check(mail)
	switch {
	case unusable != nil:
		return t.fail(mail, transport.PhaseMessage, unusable)
	case ctx.Err() != nil:
		return t.fail(mail, transport.PhaseWait, context.Cause(ctx))
	}
	p := t.cast(env)
	if err := pause.For(ctx, p.whole.Delay); err != nil {
		return t.fail(mail, transport.PhaseWait, err)
	}
	if p.reads() {
		var data bytes.Buffer
		if err := bodyscan.WriteWhole(&data, mail); err != nil {
			return t.fail(mail, transport.PhaseBody, err)
		}
		if ctx.Err() != nil {
			return t.fail(mail, transport.PhaseBody, context.Cause(ctx))
		}
		t.mu.Lock()
		call.Data, call.read = data.Bytes(), time.Now()
		t.mu.Unlock()
		if err := pause.For(ctx, p.whole.ReplyDelay); err != nil {
			p = p.lost(err)
		}
	}
	return t.report(mail, p)
}

// lost is p after the ctx ended between the message and the verdict: who was refused before still
// is, for all other recipients it is unknown.
func (p part) lost(cause error) part {
	for i, a := range p.each {
		if a.reads() {
			p.each[i] = Answer{Outcome: transport.Unknown, Phase: transport.PhaseFinal, Err: cause}
		}
	}
	return p
}

// report says a part in the words of package transport.
func (t *Transport) report(mail transport.Mail, p part) (*transport.Result, error) {
	result := transport.NewResult(mail.Envelope(), transport.NotSent, transport.Reply{})
	result.Identify(mail)
	result.Relay = t.relay()
	shared := len(p.each) > 1 && p.whole.Outcome != transport.Accepted && p.whole.Phase != transport.PhaseRcpt
	for i, a := range p.each {
		r := &result.Recipients[i]
		r.Outcome, r.Reply = a.Outcome, a.Reply
		m := outcome.Dialect(nil).Read(a.Phase, a.Reply, shared, time.Now())
		r.Fault, r.RetryAfter = m.Fault, m.RetryAfter
		if a.Outcome == transport.Rejected {
			r.Outcome = m.Outcome
		}
	}
	transport.ResolveFaults(result.Recipients)
	a, lost := p.losing()
	if !lost {
		return result, nil
	}
	return result, &transport.SendError{Result: result, Phase: a.Phase, Reply: a.Reply, Err: a.Err}
}

// Messages returns what arrived so far, in the order in which it was sent: the messages of which a
// recipient is Accepted, or Unknown because only the verdict was lost.
func (t *Transport) Messages() []Message {
	t.mu.Lock()
	defer t.mu.Unlock()
	var messages []Message
	for i, c := range t.calls {
		if c.taken() {
			messages = append(messages, Message{
				Envelope: c.Envelope, MessageID: c.MessageID, Data: bytes.Clone(c.Data), Time: c.read, Call: i,
			})
		}
	}
	return messages
}

// Calls returns every call of Send so far, in the order of their beginnings.
func (t *Transport) Calls() []Call {
	t.mu.Lock()
	defer t.mu.Unlock()
	calls := make([]Call, len(t.calls))
	for i, c := range t.calls {
		calls[i] = c.copied()
	}
	return calls
}

// Reset forgets what was recorded; the script stays where it is.
func (t *Transport) Reset() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.calls = nil
}

// Close makes later sends fail with [transport.ErrClosed]; what was recorded stays.
func (t *Transport) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	return nil
}

package client

import (
	"context"
	"errors"

	"github.com/depeche-mail/depeche/transport/smtp/commands"
	"github.com/depeche-mail/depeche/transport/smtp/extension"
	"github.com/depeche-mail/depeche/transport/smtp/response"
)

// Fallback is another way to send a mail that is worth one attempt over a fresh connection, because the
// server does not do what it offers. It is certain then that the server does not have the mail.
type Fallback uint8

// The fallbacks.
const (
	// FallbackNone: there is nothing to be tried.
	FallbackNone Fallback = iota
	// FallbackData: BDAT was refused as a command. DATA may work; see [ChunkingOff].
	FallbackData
	// FallbackLockstep: commands that were sent together were not understood. One by one they may be; see
	// Config.Without and PIPELINING.
	FallbackLockstep
)

// Fallback returns the other way that is worth an attempt.
func (r *Result) Fallback() Fallback {
	if r.Err == nil {
		return FallbackNone
	}
	return r.fallback
}

// Findings are what a session has learned about its server that EHLO does not say.
type Findings struct {
	ChunkingUsed   bool // content goes by BDAT now
	ChunkingSafe   bool // the server swallows the octets of a BDAT that it refuses
	ChunkingUnsafe bool // it runs them as commands, or does not know BDAT
	ChunkAnswered  bool // it has answered a BDAT in a transaction
	ChunkSilent    bool // it did not answer one within the limit
	// PipeliningBroken: of commands that were sent together only the first was understood. Only TryExtensions
	// finds it out.
	PipeliningBroken bool
	EndedSilently    bool // it has ended the stream without 421, and not because of a limit or a ctx
}

// Findings returns what the session has learned so far.
func (c *Conn) Findings() Findings {
	l, used := c.link, c.canChunk()
	l.mu.Lock()
	defer l.mu.Unlock()
	return Findings{
		ChunkingUsed: used, EndedSilently: l.ended && !l.closing,
		ChunkingSafe: l.chunking == chunksProven, ChunkingUnsafe: l.chunking == chunksBad,
		ChunkAnswered: l.chunkAnswered, ChunkSilent: l.chunkSilent,
	}
}

// noteChunk looks at the reply to a BDAT of a transaction with an accepted recipient: 500, 502 and 504 are
// about the command.
func (a *attempt) noteChunk(r response.Response) {
	if !a.chunked {
		return
	}
	l := a.link
	if !unknownCommand(r.Code) {
		l.chunkAnswered = true
		return
	}
	a.swallows = l.chunkAnswered || l.chunking == chunksProven
	a.chunkUnknown = r
	l.closing = l.closing || !a.lmtp
}

// chunkRefusal is the refusal of BDAT as a command, or zero.
func (a *attempt) chunkRefusal() response.Response {
	if a.contentAccepted {
		return response.Response{}
	}
	return a.chunkUnknown
}

// judgeChunk looks, before the outcomes are found, whether a refusal is about BDAT as a command. In LMTP a server
// can speak of one recipient with the same code, so there it is only if each recipient has got such a code.
func (a *attempt) judgeChunk() {
	if !a.lmtp || a.chunkUnknown.IsZero() {
		return
	}
	for _, i := range a.rcpt {
		v := &a.verdicts[i]
		if !v.isRefused() && (v.Outcome != contentRefused || !unknownCommand(v.Response.Code)) {
			a.chunkUnknown = response.Response{}
			return
		}
	}
}

// learn notes, at the end of a transaction, whether the server did what it offers. The lock is held.
func (a *attempt) learn() {
	l := a.link
	if !a.chunkRefusal().IsZero() {
		l.chunking, l.closing = chunksBad, true
	}
	ended := a.end > 0 && l.sent >= a.end
	switch {
	case !a.chunkRefusal().IsZero() && (a.swallows || !ended):
		a.fallback = FallbackData
	case a.chunked && ended && l.timedOut && a.replies == a.asked-1 && a.accepted > 0:
		l.chunkSilent = true
	case a.alone && !ended && a.flightBroken():
		a.fallback = FallbackLockstep
	}
}

// flightBroken reports whether a flight of commands was not understood: its first one was refused as nothing
// but a server without PIPELINING refuses it, or was the only one to be answered within the limit.
func (a *attempt) flightBroken() bool {
	if a.plan.form != formData && a.plan.form != formEnvelope {
		return false
	}
	var first response.Response
	switch {
	case a.link.timedOut && a.replies == 1 && a.asked > 1:
		return true
	case !a.resetReply.IsZero():
		first = a.resetReply
	case !a.reset && a.refused != nil && a.refused.Phase == PhaseMail:
		first = a.refused.Response
	}
	switch first.Code {
	case response.SyntaxError, response.NotImplemented, response.BadSequence:
		const address = 1 // x.1.z is about an address (RFC 3463 section 3.2)
		return first.Enhanced.Subject != address
	}
	return false
}

// TryExtensions finds out, without a mail, whether the server does what it offers: it sends RSET and NOOP in one
// flight where PIPELINING is offered, and a BDAT that must be refused where CHUNKING is. The server may count
// that refusal as an error of the client. The error is that of a broken connection; what was found before it
// is in Findings.
func (c *Conn) TryExtensions(ctx context.Context) (Findings, error) {
	if !c.info.Has(extension.Pipelining) {
		return c.Findings(), nil
	}
	var reset, noop single
	err := c.change(ctx, PhaseHello, func() error {
		err := errors.Join(
			c.queue(expectation{phase: PhaseReset, to: &reset}, commands.Rset{}),
			c.queue(expectation{phase: PhaseReset, to: &noop}, commands.Noop{}),
			c.probe(),
		)
		if err == nil {
			err = c.link.flush()
		}
		if err == nil {
			err = c.link.answered()
		}
		if err != nil {
			return c.fault(PhaseCommand, err)
		}
		c.dirty = !reset.response.Code.IsCompleted()
		return nil
	})
	found := c.Findings()
	c.link.mu.Lock()
	defer c.link.mu.Unlock()
	found.PipeliningBroken = reset.done && (!reset.response.Code.IsCompleted() || c.link.timedOut && !noop.done)
	return found, err
}

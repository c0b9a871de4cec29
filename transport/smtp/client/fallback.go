package client

import (
	"context"
	"errors"

	"github.com/depeche-mail/depeche/transport/smtp/commands"
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
	AheadAnswered  bool // it has taken commands that travelled with the content of the mail before, in the last Stream
	AheadRefused   bool // it has refused such commands as out of place, in the last Stream
	// PipeliningBroken: of commands that were sent together only the first was understood. Only TryExtensions
	// finds it out.
	PipeliningBroken bool
	EndedSilently    bool // it has ended the stream without 421, and not because of a limit or a ctx
}

// Findings returns what the session has learned so far.
func (c *Conn) Findings() Findings {
	used := c.canChunk()
	in := c.wire.lock()
	defer c.wire.unlock()
	return Findings{
		ChunkingUsed: used, EndedSilently: in.ended && !in.closing,
		ChunkingSafe: in.chunking == chunksProven, ChunkingUnsafe: in.chunking == chunksBad,
		ChunkAnswered: in.chunkAnswered, ChunkSilent: in.chunkSilent,
		AheadAnswered: in.aheadAnswered, AheadRefused: in.aheadRefused,
	}
}

// noteChunk looks at the reply to a BDAT of a transaction with an accepted recipient: 500, 502 and 504 are
// about the command.
func (h *heard) noteChunk(in *receiver, r response.Response) {
	if !h.chunked {
		return
	}
	if !unknownCommand(r.Code) {
		in.chunkAnswered = true
		return
	}
	h.swallows = in.chunkAnswered || in.chunking == chunksProven
	h.chunkUnknown = new(r)
	in.closing = in.closing || !h.lmtp
}

// chunkRefusal is the refusal of BDAT as a command, or nil.
func (h *heard) chunkRefusal() *response.Response {
	if h.contentAccepted {
		return nil
	}
	return h.chunkUnknown
}

// judgeChunk looks, before the outcomes are found, whether a refusal is about BDAT as a command. In LMTP a server
// can speak of one recipient with the same code, so there it is only if each recipient has got such a code.
func (h *heard) judgeChunk() {
	if !h.lmtp || h.chunkUnknown == nil {
		return
	}
	for _, i := range h.rcpt {
		v := &h.results[i]
		if !v.isRefused() && (v.Outcome != contentRefused || !unknownCommand(v.Response.Code)) {
			h.chunkUnknown = nil
			return
		}
	}
}

// learn notes, at the end of a transaction, whether the server did what it offers.
func (s endedTxn) learn() {
	if s.chunkRefusal() != nil {
		s.in.chunking, s.in.closing = chunksBad, true
	}
	switch {
	case s.chunkRefusal() != nil && (s.swallows || !s.ended):
		s.tx.fallback = FallbackData
	case s.chunked && s.ended && s.in.timedOut && s.replies == s.tx.asked-1 && s.accepted > 0:
		s.in.chunkSilent = true
	case s.tx.alone && !s.ended && s.flightBroken():
		s.tx.fallback = FallbackLockstep
	case s.ahead && !s.ended && s.resetReply != nil:
		s.tx.early = !s.in.closing
	}
}

// noteAhead looks at the reply to an RSET that travelled with the content of the mail before, and reports whether it is about that.
func (h *heard) noteAhead(in *receiver, r response.Response) (refused bool) {
	refused = h.ahead && outOfPlace(r)
	in.aheadRefused = in.aheadRefused || refused
	in.aheadAnswered = in.aheadAnswered || h.ahead && r.Code.IsCompleted()
	return refused
}

// outOfPlace reports whether a command was refused as one that the server does not know, or not at this place.
func outOfPlace(r response.Response) bool {
	switch r.Code {
	case response.SyntaxError, response.NotImplemented, response.BadSequence:
		const address = 1 // x.1.z is about an address (RFC 3463 section 3.2)
		return r.Enhanced.Subject != address
	}
	return false
}

// flightBroken reports whether a flight of commands was not understood: its first one was refused as nothing
// but a server without PIPELINING refuses it, or was the only one to be answered within the limit.
func (s endedTxn) flightBroken() bool {
	if s.tx.plan.form != formData && s.tx.plan.form != formEnvelope {
		return false
	}
	var first response.Response
	switch {
	case s.in.timedOut && s.replies == 1 && s.tx.asked > 1:
		return true
	case s.resetReply != nil:
		first = *s.resetReply
	case !s.tx.reset && s.refused != nil && s.refused.Phase == PhaseMail:
		first = s.refused.Response
	}
	return outOfPlace(first)
}

// TryExtensions finds out, without a mail, whether the server does what it offers: it sends RSET and NOOP in one
// flight where PIPELINING is offered, and a BDAT that must be refused where CHUNKING is. The server may count
// that refusal as an error of the client. The error is that of a broken connection; what was found before it
// is in Findings.
func (c *Conn) TryExtensions(ctx context.Context) (Findings, error) {
	if !c.offers.pipelining {
		return c.Findings(), nil
	}
	var reset, noop single
	err := c.change(ctx, PhaseHello, func() error {
		err := errors.Join(
			c.enqueue(expectation{step: stepReset, to: &reset}, commands.Rset{}),
			c.enqueue(expectation{step: stepReset, to: &noop}, commands.Noop{}),
			c.probe(),
		)
		if err == nil {
			err = c.wire.flush()
		}
		if err == nil {
			err = c.wire.answered()
		}
		if err != nil {
			return c.fault(PhaseCommand, err)
		}
		c.dirty = !reset.response.Code.IsCompleted()
		return nil
	})
	found := c.Findings()
	in := c.wire.lock()
	defer c.wire.unlock()
	found.PipeliningBroken = reset.done && (!reset.response.Code.IsCompleted() || in.timedOut && !noop.done)
	return found, err
}

package client

import (
	"errors"
	"slices"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport/smtp/commands"
)

// run takes one transaction over the wire. Its end gives every recipient an outcome.
func (c *Conn) run(tx *txn) {
	c.begin(tx)
	if err := c.transact(tx); err != nil && !c.takeBack(tx, err) {
		c.breakWire(err)
	}
}

// takeBack takes a transaction out of what is queued, when its mail cannot be read to its end and nothing of
// it was written. Then the connection stays as it was.
func (c *Conn) takeBack(tx *txn, err error) bool {
	w := c.wire
	if tx.start < w.sent || !errors.As(err, new(*contentError)) || w.broken() != nil {
		return false
	}
	w.out = w.out[:tx.start-w.sent]
	in := w.lock()
	defer w.unlock()
	h := tx.heard(in)
	w.pending = slices.DeleteFunc(w.pending, func(e expectation) bool { return e.to == sink(h) })
	in.forgetBody(h)
	tx.asked, tx.closed, tx.takenBack = 0, true, true
	c.sends--
	return true
}

// begin counts a transaction in. Recipients that were too many for the one before start anew. The session has
// the domains of all of the mail from now on, also of recipients whose transaction comes later.
func (c *Conn) begin(tx *txn) {
	tx.endings = nil
	c.sends++
	h := tx.heard(c.wire.lock())
	h.mail, h.rcpt, h.chunks = tx.plan.mail, tx.rcpt, tx.plan.form == formChunk
	h.ahead = !tx.alone && tx.plan.form == formData
	for _, i := range tx.rcpt {
		h.results[i] = RecipientResult{}
	}
	c.wire.unlock()
	if c.limits.RcptDomainMax > 0 {
		c.enter(tx.plan.envelope)
	}
	tx.times[timeStart] = c.now()
	tx.start = c.wire.queuedTo()
}

// enter notes the domains of an envelope.
func (c *Conn) enter(env envelope.Envelope) {
	if c.domains == nil {
		c.domains = map[string]bool{}
	}
	for i := range env.Len() {
		c.domains[env.At(i).Address.Domain()] = true
	}
}

// now is the time, in a Stream as of its last look at the clock: one for each mail would be a good part
// of what the mail costs.
func (c *Conn) now() instant {
	if c.cachedNow == 0 {
		return c.wire.now()
	}
	return c.cachedNow
}

// end gives every recipient an outcome. All replies have come, or the connection is broken. Then a reply that
// was read before still counts, so the reader ends first.
func (c *Conn) end(tx *txn) {
	c.wire.awaitReader()
	in := c.wire.lock()
	defer c.wire.unlock()
	if h := tx.heard(in); !tx.takenBack {
		c.dirty = !h.contentAccepted
		c.budget.add(h)
	}
	tx.assignOutcomes(in)
}

// breakWire breaks the connection because of err, if nothing else did before.
func (c *Conn) breakWire(err error) {
	if errors.As(err, new(*contentError)) {
		err = errAbandoned
	}
	c.wire.fail(err)
}

// Why a connection is closed in the middle of a mail.
var (
	// errAbandoned: the mail cannot be read to its end.
	errAbandoned = errors.New("connection closed to abort an incomplete message")
	// errHeldBack: the server waits for content that it must not get.
	errHeldBack = errors.New("connection closed because the server asked for the content of a mail that it had refused")
)

// transact says MAIL, RCPT and the content in as few flights as the form allows. A refusal is no
// error here; the transaction keeps it.
func (c *Conn) transact(tx *txn) error {
	tx.idle, tx.reset = c.idle(), c.dirty
	if ok, err := c.ensureChunkingSafe(tx); err != nil || !ok {
		return err
	}
	if err := c.announce(tx); err != nil {
		return err
	}
	if tx.plan.form != formChunk {
		if err := c.answered(tx); err != nil {
			return err
		}
		if ok, err := c.mayContinue(tx); !ok {
			return err
		}
	}
	chunk := tx.plan.form == formChunk
	if !chunk && tx.plan.form != formData {
		if chunk = c.canChunk(); !chunk {
			if err := c.ask(tx, stepData, 0, commands.Data{}); err != nil {
				return err
			}
			if err := c.answered(tx); err != nil {
				return err
			}
			if ok, err := c.mayContinue(tx); !ok {
				return err
			}
		}
	}
	enqueue := c.enqueueData
	if chunk {
		enqueue = func(tx *txn) error { return c.enqueueChunk(tx, tx.idle && tx.plan.form == formChunk) }
	}
	if err := enqueue(tx); err != nil {
		return err
	}
	return c.answered(tx)
}

// announce queues MAIL and RCPT, and DATA where it may follow them unanswered.
func (c *Conn) announce(tx *txn) error {
	if tx.reset {
		if err := c.ask(tx, stepReset, 0, commands.Rset{}); err != nil {
			return err
		}
	}
	if tx.plan.form == formLockstep && c.hopeless(tx) {
		return nil
	}
	c.mail = commands.Mail{From: tx.plan.envelope.From(), Params: tx.plan.params}
	if err := c.ask(tx, stepMail, 0, &c.mail); err != nil {
		return err
	}
	lockstep := tx.plan.form == formLockstep
	for _, i := range tx.rcpt {
		if lockstep && c.hopeless(tx) {
			break
		}
		c.rcpt = tx.plan.rcpt(i)
		if err := c.ask(tx, stepRcpt, i, &c.rcpt); err != nil {
			return err
		}
	}
	if tx.plan.form == formData {
		return c.ask(tx, stepData, 0, commands.Data{})
	}
	return nil
}

// ask queues a command of the transaction; in lockstep it waits for the reply.
func (c *Conn) ask(tx *txn, s step, i int, command commands.Command) error {
	if err := c.enqueue(expectation{step: s, index: int32(i), to: &tx.guarded}, command); err != nil {
		return err
	}
	tx.asked++
	if tx.plan.form == formLockstep {
		return c.answered(tx)
	}
	return nil
}

// answered writes what is queued and waits for all replies to the transaction so far.
func (c *Conn) answered(tx *txn) error {
	if err := c.wire.flush(); err != nil {
		return err
	}
	return c.wire.wait(tx.answered)
}

// mayContinue reports whether content may follow what was answered to MAIL, RCPT and DATA. Where the server
// waits for a content that it must not get, only closing the connection helps, which is the error. The
// exception is that all recipients were refused: then an empty content, without a recipient, ends its wait
// (RFC 2920 section 3.1). LMTP has no reply to that (RFC 2033 section 4.2), so there it is not sent.
func (c *Conn) mayContinue(tx *txn) (bool, error) {
	h := tx.heard(c.wire.lock())
	defer c.wire.unlock()
	switch {
	case h.reply421 != nil, h.resetReply != nil, h.contradicted && h.accepted > 0, h.lmtp && h.accepted == 0:
		if h.dataAccepted {
			return false, errHeldBack
		}
		return false, nil
	case h.dataAccepted:
		return true, nil
	case tx.plan.form == formData, h.refused != nil:
		return false, nil
	case c.cfg.AllOrNothing:
		return h.accepted == len(h.results), nil
	}
	return h.accepted > 0, nil
}

// enqueueData enqueues the content after a 354, and a probe when one is due. When no recipient was accepted
// the content is empty: a lone dot (RFC 2920 section 3.1).
func (c *Conn) enqueueData(tx *txn) error {
	c.bodyStarts(tx)
	empty := tx.heard(c.wire.lock()).accepted == 0
	c.wire.unlock()
	if empty {
		c.wire.out = append(c.wire.out, ".\r\n"...)
	} else if err := c.writeDATA(tx); err != nil {
		return c.bodyFailed(tx, err)
	}
	if err := c.bodyEnds(tx); err != nil {
		return err
	}
	if empty {
		tx.end = 0 // no content has an end in it
	}
	if tx.goodbye != nil {
		return nil
	}
	return c.probe()
}

func (c *Conn) bodyStarts(tx *txn) {
	in := c.wire.lock()
	in.bodyBegins(tx.heard(in), c.wire.queuedTo())
	c.wire.unlock()
	tx.times[timeEnvelope] = c.now()
}

// bodyEnds makes the end of the content, which is the last thing queued, a step of its own: once it is
// written, a reply is the verdict.
func (c *Conn) bodyEnds(tx *txn) error {
	w := c.wire
	if len(w.out) > flightSize { // what holds the end is written in one piece
		if err := w.flushBut(flightSize / 2); err != nil {
			return err
		}
	}
	if !tx.told {
		w.endings = append(w.endings, tx.endings...)
	}
	w.enqueue(expectation{step: stepFinal, to: &tx.guarded})
	tx.asked++
	tx.closed = true
	tx.end = w.queuedTo()
	in := w.lock()
	in.bodyEnds(tx.heard(in), tx.end)
	w.unlock()
	tx.times[timeBody] = c.now()
	return c.quitAfter(tx)
}

// quitAfter queues QUIT after the content of the last transaction. It may only be the last command of a group (RFC 2920
// section 3.1), and recipients that turn out to be too many need the session: those of a flight that holds the content
// too are not known yet.
func (c *Conn) quitAfter(tx *txn) error {
	if !tx.last || !c.offers.pipelining || c.cfg.LMTP || tx.plan.form == formChunk && len(tx.rcpt) > 1 {
		return nil
	}
	h := tx.heard(c.wire.lock())
	h.quit = len(h.overflow) == 0
	may := h.quit
	c.wire.unlock()
	if !may {
		return nil
	}
	tx.goodbye = new(single)
	return c.enqueue(expectation{step: stepQuit, to: tx.goodbye}, commands.Quit{})
}

// bodyFailed notes that the mail itself could not be read.
func (c *Conn) bodyFailed(tx *txn, err error) error {
	if errors.As(err, new(*contentError)) {
		tx.stop = &Error{Phase: PhaseBody, Err: err}
	}
	return err
}

// hopeless reports whether the server said something after which no content may follow.
func (c *Conn) hopeless(tx *txn) bool {
	defer c.wire.unlock()
	return tx.heard(c.wire.lock()).hopeless()
}

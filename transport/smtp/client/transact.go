package client

import (
	"errors"
	"slices"
	"time"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport/smtp/commands"
)

// run takes one transaction over the wire. Its end gives every recipient an outcome.
func (c *Conn) run(a *attempt) {
	c.begin(a)
	if err := c.transact(a); err != nil && !c.takeBack(a, err) {
		c.breakLink(err)
	}
}

// takeBack takes a transaction out of what is corked, when its mail cannot be read to its end and nothing of
// it was written. Then the connection stays as it was.
func (c *Conn) takeBack(a *attempt, err error) bool {
	l := c.link
	if a.start < l.sent || !errors.As(err, new(*contentError)) || l.broken() != nil {
		return false
	}
	l.out = l.out[:a.start-l.sent]
	l.corked = slices.DeleteFunc(l.corked, func(e expectation) bool { return e.to == sink(a) })
	l.mu.Lock()
	defer l.mu.Unlock()
	l.source, l.body = nil, nil
	a.asked, a.closed, a.takenBack = 0, true, true
	c.sends--
	return true
}

// begin counts a transaction in. Recipients that were too many for the one before start anew. The session has
// the domains of all of the mail from now on, also of recipients whose transaction comes later.
func (c *Conn) begin(a *attempt) {
	a.endings = nil
	c.sends++
	for _, i := range a.rcpt {
		a.verdicts[i] = RecipientResult{}
	}
	if c.limits.RcptDomainMax > 0 {
		c.enter(a.plan.envelope)
	}
	a.times[timeStart] = c.now()
	a.start = c.link.sent + int64(len(c.link.out))
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
func (c *Conn) now() time.Time {
	if c.cachedNow.IsZero() {
		return time.Now()
	}
	return c.cachedNow
}

// end gives every recipient an outcome. All replies have come, or the link is broken. Then a reply that
// was read before still counts, so the reader ends first.
func (c *Conn) end(a *attempt) {
	c.link.settled()
	c.link.mu.Lock()
	defer c.link.mu.Unlock()
	if !a.takenBack {
		c.dirty = !a.contentAccepted
	}
	a.settle()
}

// breakLink breaks the link because of err, if nothing else did before.
func (c *Conn) breakLink(err error) {
	if errors.As(err, new(*contentError)) {
		err = errAbandoned
	}
	c.link.fail(err)
}

// Why a connection is closed in the middle of a mail.
var (
	// errAbandoned: the mail cannot be read to its end.
	errAbandoned = errors.New("connection closed to abort an incomplete message")
	// errHeldBack: the server waits for content that it must not get.
	errHeldBack = errors.New("connection closed because the server asked for the content of a mail that it had refused")
)

// transact says MAIL, RCPT and the content in as few flights as the form allows. A refusal is no
// error here; the attempt keeps it.
func (c *Conn) transact(a *attempt) error {
	a.idle, a.reset = c.idle(), c.dirty
	if ok, err := c.ensureChunkingSafe(a); err != nil || !ok {
		return err
	}
	if err := c.announce(a); err != nil {
		return err
	}
	if a.plan.form != formChunk {
		if err := c.answered(a); err != nil {
			return err
		}
		if ok, err := c.mayContinue(a); !ok {
			return err
		}
	}
	chunk := a.plan.form == formChunk
	if !chunk && a.plan.form != formData {
		if chunk = c.canChunk(); !chunk {
			if err := c.ask(a, PhaseData, 0, commands.Data{}); err != nil {
				return err
			}
			if err := c.answered(a); err != nil || !a.dataAccepted {
				return err
			}
			if ok, err := c.mayContinue(a); !ok {
				return err
			}
		}
	}
	cork := c.corkData
	if chunk {
		cork = func(a *attempt) error { return c.corkChunk(a, a.idle && a.plan.form == formChunk) }
	}
	if err := cork(a); err != nil {
		return err
	}
	return c.answered(a)
}

// announce corks MAIL and RCPT, and DATA where it may follow them unanswered.
func (c *Conn) announce(a *attempt) error {
	if a.reset {
		if err := c.ask(a, PhaseReset, 0, commands.Rset{}); err != nil {
			return err
		}
	}
	if a.plan.form == formLockstep && a.hopeless() {
		return nil
	}
	c.mail = commands.Mail{From: a.plan.envelope.From(), Params: a.plan.params}
	if err := c.ask(a, PhaseMail, 0, &c.mail); err != nil {
		return err
	}
	lockstep := a.plan.form == formLockstep
	for _, i := range a.rcpt {
		if lockstep && a.hopeless() {
			break
		}
		c.rcpt = a.plan.rcpt(i)
		if err := c.ask(a, PhaseRcpt, i, &c.rcpt); err != nil {
			return err
		}
	}
	if a.plan.form == formData {
		return c.ask(a, PhaseData, 0, commands.Data{})
	}
	return nil
}

// ask corks a command of the transaction; in lockstep it waits for the reply.
func (c *Conn) ask(a *attempt, phase Phase, i int, command commands.Command) error {
	if err := c.queue(expectation{phase: phase, index: i, to: a}, command); err != nil {
		return err
	}
	a.asked++
	if a.plan.form == formLockstep {
		return c.answered(a)
	}
	return nil
}

// answered writes what is corked and waits for all replies to the transaction so far.
func (c *Conn) answered(a *attempt) error {
	if err := c.link.flush(); err != nil {
		return err
	}
	return c.link.wait(func() bool { return a.replies == a.asked })
}

// mayContinue reports whether content may follow what was answered to MAIL, RCPT and DATA. Where the server
// waits for a content that it must not get, only closing the connection helps, which is the error. The
// exception is that all recipients were refused: then an empty content, without a recipient, ends its wait
// (RFC 2920 section 3.1). LMTP has no reply to that (RFC 2033 section 4.2), so there it is not sent.
func (c *Conn) mayContinue(a *attempt) (bool, error) {
	held := func() error {
		if a.dataAccepted {
			return errHeldBack
		}
		return nil
	}
	switch {
	case a.goodbye != nil, !a.resetReply.IsZero(), a.contradicted && a.accepted > 0, a.lmtp && a.accepted == 0:
		return false, held()
	case a.dataAccepted:
		return true, nil
	case a.plan.form == formData, a.refused != nil:
		return false, nil
	case c.cfg.AllOrNothing:
		return a.accepted == len(a.verdicts), nil
	}
	return a.accepted > 0, nil
}

// corkChunk corks the content as one chunk. When the server had been silent, it may have closed the
// connection without our knowing yet. Then the last octet waits for its first reply, so that such a
// close leaves no doubt about the mail.
func (c *Conn) corkChunk(a *attempt, idle bool) error {
	const line = len("BDAT 9223372036854775807 LAST\r\n")
	a.chunked = true
	if idle || a.plan.size > int64(flightSize-line-len(c.link.out)) {
		c.bodyStarts(a)
	} else { // nothing of it is written before its end is corked too
		a.times[timeEnvelope] = c.now()
	}
	if err := c.writeBDAT(a); err != nil {
		return c.bodyFailed(a, err)
	}
	if idle {
		if err := c.link.flushBut(1); err != nil {
			return err
		}
		if err := c.link.wait(func() bool { return a.replies > 0 }); err != nil {
			return err
		}
	}
	return c.bodyEnds(a)
}

// corkData corks the content after a 354, and a probe when one is due. When no recipient was accepted
// the content is empty: a lone dot (RFC 2920 section 3.1).
func (c *Conn) corkData(a *attempt) error {
	c.bodyStarts(a)
	empty := a.accepted == 0
	if empty {
		c.link.out = append(c.link.out, ".\r\n"...)
	} else if err := c.writeDATA(a); err != nil {
		return c.bodyFailed(a, err)
	}
	if err := c.bodyEnds(a); err != nil {
		return err
	}
	if empty {
		a.end = 0 // no content has an end in it
	}
	return c.probe()
}

func (c *Conn) bodyStarts(a *attempt) {
	c.link.mu.Lock()
	defer c.link.mu.Unlock()
	c.link.source = a
	if len(c.link.corked) == 0 { // else that comes first, and the reader hears of a when it is written
		c.link.body = a
	}
	a.times[timeEnvelope] = c.now()
}

// bodyEnds makes the end of the content, which is the last thing corked, a step of its own: once it is
// written, a reply is the verdict.
func (c *Conn) bodyEnds(a *attempt) error {
	l := c.link
	if len(l.out) > flightSize { // what holds the end is written in one piece
		if err := l.flushBut(flightSize / 2); err != nil {
			return err
		}
	}
	l.source = nil
	l.endings = append(l.endings, a.endings...)
	l.cork(expectation{phase: PhaseFinal, to: a})
	a.asked++
	a.closed = true
	a.end = l.sent + int64(len(l.out))
	a.times[timeBody] = c.now()
	return nil
}

// bodyFailed notes that the mail itself could not be read.
func (c *Conn) bodyFailed(a *attempt, err error) error {
	if errors.As(err, new(*contentError)) {
		c.link.mu.Lock()
		defer c.link.mu.Unlock()
		a.stop = &Error{Phase: PhaseBody, Err: err}
	}
	return err
}

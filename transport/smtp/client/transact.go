package client

import (
	"errors"
	"time"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport/smtp/commands"
	"github.com/depeche-mail/depeche/transport/smtp/response"
)

// run takes one transaction over the wire and gives every recipient a fate.
func (c *Conn) run(a *attempt) {
	c.begin(a)
	if err := c.transact(a); err != nil {
		c.broke(err)
		c.settle(a)
	}
	c.end(a)
}

// begin counts a transaction in. Recipients that were too many for the one before start anew. The session has
// the domains of all of the mail from now on, also of recipients whose transaction comes later.
func (c *Conn) begin(a *attempt) {
	c.sends++
	for _, i := range a.rcpt {
		a.verdicts[i] = Verdict{}
	}
	if c.limits.RcptDomainMax > 0 {
		c.enter(a.plan.envelope)
	}
	a.times[timeStart] = c.now()
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
	if c.coarse.IsZero() {
		return time.Now()
	}
	return c.coarse
}

// end takes note of how a transaction ended. The reader has nothing to do with it any more.
func (c *Conn) end(a *attempt) {
	c.dirty = !a.clean
	for _, i := range a.rcpt {
		if v := &a.verdicts[i]; v.Fate == NotSent {
			v.Response = response.Response{} // RCPT was accepted, but that decided nothing
		}
	}
}

// broke breaks the link because of err, if nothing else did before.
func (c *Conn) broke(err error) {
	if errors.As(err, new(*contentError)) {
		err = errAbandoned
	}
	c.link.fail(err)
}

// errAbandoned is why a connection is closed in the middle of a mail that cannot be read to its end.
var errAbandoned = errors.New("closed, so that half a message is not taken for a whole one")

// settle gives a fate to the recipients that will hear no verdict, because the link is broken.
func (c *Conn) settle(a *attempt) {
	c.link.mu.Lock()
	defer c.link.mu.Unlock()
	phase := PhaseMail
	if !a.times[timeEnvelope].IsZero() {
		phase = PhaseBody
	}
	a.settle(c.link.sent, phase, c.link.err)
}

// transact says MAIL, RCPT and the content in as few flights as the form allows. A refusal is no
// error here; the attempt keeps it.
func (c *Conn) transact(a *attempt) error {
	idle := c.idle()
	a.reset = c.dirty
	if ok, err := c.prove(a); err != nil || !ok {
		return err
	}
	if err := c.announce(a); err != nil {
		return err
	}
	if a.plan.form != formChunk {
		if err := c.answered(a); err != nil || !c.worthIt(a) {
			return err
		}
		idle = false
	}
	chunk := a.plan.form == formChunk
	if !chunk && a.plan.form != formData {
		if chunk = c.chunks(); !chunk {
			if err := c.ask(a, PhaseData, 0, commands.Data{}); err != nil {
				return err
			}
			if err := c.answered(a); err != nil || !a.go354 {
				return err
			}
		}
	}
	cork := c.corkData
	if chunk {
		cork = func(a *attempt) error { return c.corkChunk(a, idle) }
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
	c.mail = commands.Mail{From: a.plan.envelope.From(), Params: a.plan.params}
	if err := c.ask(a, PhaseMail, 0, &c.mail); err != nil {
		return err
	}
	for _, i := range a.rcpt {
		if a.plan.form == formLockstep && a.lost != nil && a.lost.Phase == PhaseMail {
			break // MAIL was refused
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

// worthIt reports whether content may follow what was answered to MAIL and RCPT. A server that
// wants content for nobody is given an empty one in the DATA form, because only that ends its wait.
func (c *Conn) worthIt(a *attempt) bool {
	switch {
	case a.void:
		return false
	case c.cfg.AllOrNothing:
		return a.accepted == len(a.verdicts)
	case a.plan.form == formData:
		return a.go354
	}
	return a.accepted > 0
}

// corkChunk corks the content as one chunk. When the server had been silent, it may have closed the
// connection without our knowing yet. Then the last octet waits for its first reply, so that such a
// close leaves no doubt about the mail.
func (c *Conn) corkChunk(a *attempt, idle bool) error {
	const line = len("BDAT 9223372036854775807 LAST\r\n")
	if idle || a.plan.size > int64(flightSize-line-len(c.link.out)) {
		c.bodyStarts(a)
	} else { // nothing of it is written before its end is corked too
		a.times[timeEnvelope] = c.now()
	}
	if err := c.chunk(a); err != nil {
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

// corkData corks the content behind a 354, and a probe when one is due. When nobody was accepted
// the content is empty: a lone dot (RFC 2920 section 3.1).
func (c *Conn) corkData(a *attempt) error {
	c.bodyStarts(a)
	if a.accepted == 0 {
		c.link.out = append(c.link.out, ".\r\n"...)
	} else if err := c.data(a); err != nil {
		return c.bodyFailed(a, err)
	}
	if err := c.bodyEnds(a); err != nil {
		return err
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
		a.lost = &Error{Phase: PhaseBody, Err: err}
	}
	return err
}

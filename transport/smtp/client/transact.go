package client

import (
	"time"

	"github.com/depeche-mail/depeche/transport/smtp/commands"
)

// transact says MAIL, RCPT and the content in as few flights as the form allows. A refusal is no
// error here; the attempt keeps it.
func (c *Conn) transact(a *attempt) error {
	idle := c.idle()
	if err := c.announce(a); err != nil {
		return err
	}
	if a.plan.form == formChunk {
		return c.sendChunk(a, idle)
	}
	if err := c.answered(a); err != nil || !c.worthIt(a) {
		return err
	}
	if a.plan.form != formData {
		if c.chunks() {
			return c.sendChunk(a, false)
		}
		if err := c.ask(a, PhaseData, 0, commands.Data{}); err != nil {
			return err
		}
		if err := c.answered(a); err != nil {
			return err
		}
	}
	if !a.go354 {
		return nil
	}
	return c.sendData(a)
}

// announce corks MAIL and RCPT, and DATA where it may follow them unanswered.
func (c *Conn) announce(a *attempt) error {
	if c.dirty {
		if err := c.ask(a, PhaseReset, 0, commands.Rset{}); err != nil {
			return err
		}
	}
	if err := c.ask(a, PhaseMail, 0, commands.Mail{From: a.plan.envelope.From(), Params: a.plan.params}); err != nil {
		return err
	}
	for _, i := range a.rcpt {
		if a.plan.form == formLockstep && a.lost != nil {
			break // MAIL was refused
		}
		rcpt := commands.Rcpt{To: a.plan.envelope.At(i).Address, UTF8: a.plan.params.SMTPUTF8}
		if err := c.ask(a, PhaseRcpt, i, rcpt); err != nil {
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
	case c.cfg.AllOrNothing:
		return a.accepted == len(a.verdicts)
	case a.plan.form == formData:
		return a.go354
	}
	return a.accepted > 0
}

// sendChunk sends the content as one chunk. When the server had been silent, it may have closed the
// connection without our knowing yet. Then the last octet waits for its first reply, so that such a
// close leaves no doubt about the mail.
func (c *Conn) sendChunk(a *attempt, idle bool) error {
	c.bodyStarts(a)
	if err := c.chunk(a); err != nil {
		return err
	}
	if idle {
		if err := c.link.flushBut(1); err != nil {
			return err
		}
		if err := c.link.wait(func() bool { return a.replies > 0 }); err != nil {
			return err
		}
	}
	return c.finish(a)
}

// sendData sends the content behind a 354. When nobody was accepted it is empty: a lone dot
// (RFC 2920 section 3.1).
func (c *Conn) sendData(a *attempt) error {
	c.bodyStarts(a)
	if a.accepted == 0 {
		c.link.out = append(c.link.out, ".\r\n"...)
	} else if err := c.data(a); err != nil {
		return err
	}
	return c.finish(a)
}

func (c *Conn) bodyStarts(a *attempt) {
	c.link.mu.Lock()
	defer c.link.mu.Unlock()
	c.link.body = a
	a.times[timeEnvelope] = time.Now()
}

// finish writes the end of the content, which is all that is corked, and waits for the verdict.
func (c *Conn) finish(a *attempt) error {
	if len(c.link.out) > flightSize { // the write that ends the content is one write
		if err := c.link.flushBut(flightSize / 2); err != nil {
			return err
		}
	}
	l := c.link
	l.mu.Lock()
	a.end = l.sent + int64(len(l.out))
	a.asked++
	l.body = nil
	l.queue = append(l.queue, expectation{phase: PhaseFinal, to: a})
	l.mu.Unlock()
	if err := c.probe(); err != nil {
		return err
	}
	if err := l.flush(); err != nil {
		return err
	}
	a.times[timeBody] = time.Now()
	return l.wait(func() bool { return a.replies == a.asked })
}

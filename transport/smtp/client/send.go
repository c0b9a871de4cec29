package client

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/depeche-mail/depeche/internal/expired"
)

// Send sends one mail and reports every recipient's outcome. A mail that the server cannot take, and one
// whose content cannot be read, is NotSent; the latter breaks the connection, because half a message
// must never be ended. Refusals leave the connection usable. When ctx ends, the connection breaks at
// once; Err tells.
func (c *Conn) Send(ctx context.Context, mail Mail) *Result {
	receipt := new(Result)
	receipt.reset(mail.Envelope().Len())
	defer c.link.rethrow()
	returned := false
	defer c.breakUnless(&returned)
	c.send(ctx, mail, receipt)
	returned = true
	return receipt
}

func (c *Conn) send(ctx context.Context, mail Mail, receipt *Result) {
	if err := c.ready(ctx); err != nil {
		receipt.fail(c.fault(PhaseMessage, err))
		receipt.stale = receipt.failure.Phase != PhaseMessage
		return
	}
	var p plan
	if err := c.plan(&p, mail); err != nil {
		receipt.fail(c.unusable(err))
		return
	}
	stop := c.link.watch(ctx)
	defer stop()
	rest := allIndexes(p.envelope.Len())
	for len(rest) > 0 && c.Err() == nil {
		var a attempt
		c.prepare(&a, receipt.Recipients)
		a.plan = p
		a.rcpt, rest = c.cut(rest)
		c.run(&a)
		c.end(&a)
		receipt.add(&a)
		rest = slices.Concat(a.overflow, rest)
		if a.accepted == 0 {
			break // what is left would fare no better
		}
	}
	c.conclude(receipt, rest)
}

// ready returns why nothing can be sent at this moment, or nil.
func (c *Conn) ready(ctx context.Context) error {
	switch {
	case expired.Cause(ctx) != nil:
		return expired.Cause(ctx)
	case c.current != nil:
		return ErrTransaction
	}
	if !c.checkedIdle { // what came after that look, the reader finds
		c.link.checkIdle()
	}
	c.checkedIdle = false
	if err := c.Err(); err != nil {
		return &Error{Phase: PhaseMail, Server: c.cfg.Address, Err: err}
	}
	return nil
}

// unusable is the error of a mail that could not be planned.
func (c *Conn) unusable(err error) *Error {
	if errors.As(err, new(*contentError)) {
		return c.fault(PhaseBody, err)
	}
	return c.fault(PhaseMessage, err)
}

// cut takes as many recipients as one transaction may have.
func (c *Conn) cut(rest []int) (now, later []int) {
	most := c.limits.RcptMax
	if most == 0 || len(rest) <= most {
		return rest, nil
	}
	return rest[:most], rest[most:]
}

// prepare makes a an attempt at the verdicts that has neither a plan nor recipients yet.
func (c *Conn) prepare(a *attempt, verdicts []RecipientResult) {
	*a = attempt{link: c.link, alone: true, verdicts: verdicts, lmtp: c.cfg.LMTP}
}

// add takes over what an attempt has found out.
func (r *Result) add(a *attempt) {
	t := &a.times
	span := func(from, to int) time.Duration {
		if t[from].IsZero() || t[to].IsZero() {
			return 0
		}
		return t[to].Sub(t[from])
	}
	r.Envelope += span(timeStart, timeEnvelope)
	r.Body += span(timeEnvelope, timeBody)
	r.Final += span(timeBody, timeFinal)
	if r.refusal == nil {
		r.refusal = a.refusal
	}
	if r.stop == nil {
		r.stop = a.stop
	}
	r.stale = a.stale && (r.attempts == 0 || r.stale)
	r.attempts++
	r.fallback = FallbackNone
	if r.attempts == 1 {
		r.fallback = a.fallback
	}
}

// conclude makes Err agree with the verdicts: it describes what stopped those who are NotSent or Unknown,
// and where all were answered, the first refusal. rest are recipients for whom there was no transaction.
func (c *Conn) conclude(r *Result, rest []int) {
	r.fail(nil)
	if r.count(Accepted) == len(r.Recipients) {
		return
	}
	r.withheld = c.cfg.AllOrNothing
	undecided := r.count(NotSent)+r.count(Unknown) > 0
	var e *Error
	switch {
	case undecided && r.stop != nil:
		e = r.stop
	case undecided && c.Err() != nil:
		e = &Error{Phase: PhaseMail, Err: c.Err()}
	case r.refusal != nil:
		e = r.refusal
	case len(rest) > 0 && r.Recipients[rest[0]].isRefused(): // too many, and no room for more
		e = &Error{Phase: PhaseRcpt, Response: r.Recipients[rest[0]].Response}
	default:
		e = &Error{Phase: PhaseMail, Err: c.Err()}
	}
	e.Server = c.cfg.Address
	r.fail(e)
}

// allIndexes returns the indexes of all recipients. They are not changed, so short lists share one.
func allIndexes(n int) []int {
	if n <= len(smallIndexes) {
		return smallIndexes[:n:n]
	}
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

var smallIndexes = []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}

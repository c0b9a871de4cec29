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
func (c *Conn) Send(ctx context.Context, mail Mail) *Result { return c.sendOne(ctx, mail, false) }

// SendLast is Send for the last mail of a session: QUIT travels with the end of the content, which saves the round trip
// of [Conn.Quit]. It does so where the server offers PIPELINING (RFC 2920 section 3.1) and no recipients can be left for
// a further transaction; not in LMTP, where each recipient has a verdict of its own. It changes no outcome: 221 is
// never a verdict. Only Quit, which waits for the answer, and Close make sense after it.
func (c *Conn) SendLast(ctx context.Context, mail Mail) *Result { return c.sendOne(ctx, mail, true) }

func (c *Conn) sendOne(ctx context.Context, mail Mail, last bool) *Result {
	receipt := new(Result)
	receipt.reset(mail.Envelope().Len())
	defer c.wire.rethrow()
	returned := false
	defer c.breakUnless(&returned)
	c.send(ctx, mail, receipt, last)
	returned = true
	return receipt
}

func (c *Conn) send(ctx context.Context, mail Mail, receipt *Result, last bool) {
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
	stop := c.wire.watch(ctx)
	defer stop()
	var goodbye *single
	rest := allIndexes(p.envelope.Len())
	for len(rest) > 0 && c.Err() == nil {
		var tx txn
		c.prepare(&tx, receipt)
		tx.plan = p
		tx.rcpt, rest = c.cut(rest)
		tx.last = last && len(rest) == 0
		c.run(&tx)
		goodbye = tx.goodbye
		c.end(&tx)
		receipt.add(&tx)
		rest = slices.Concat(tx.overflow, rest)
		if tx.accepted == 0 {
			break // what is left would fare no better
		}
	}
	c.conclude(receipt, rest)
	c.goodbye = goodbye
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
		c.wire.checkIdle()
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

// prepare makes tx a transaction for a receipt that has neither a plan nor recipients yet.
func (c *Conn) prepare(tx *txn, receipt *Result) {
	*tx = txn{wire: c.wire, alone: true, lmtp: c.cfg.LMTP}
	tx.guarded = heard{results: receipt.Recipients, texts: &receipt.texts, lmtp: c.cfg.LMTP}
}

// add takes over what a transaction has found out.
func (r *Result) add(tx *txn) {
	t := &tx.times
	span := func(from, to int) time.Duration {
		if t[from] == 0 || t[to] == 0 {
			return 0
		}
		return time.Duration(t[to] - t[from])
	}
	r.Envelope += span(timeStart, timeEnvelope)
	r.Body += span(timeEnvelope, timeBody)
	r.Final += span(timeBody, timeFinal)
	if r.refusal == nil {
		r.refusal = tx.refusal
	}
	if r.stop == nil {
		r.stop = tx.stop
	}
	r.stale = tx.stale && (r.attempts == 0 || r.stale)
	r.attempts++
	r.fallback = FallbackNone
	if r.attempts == 1 {
		r.fallback = tx.fallback
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

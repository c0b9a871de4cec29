package policy

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport"
)

// compound is a transport over others. What it does with a mail is a plan; whether mails come one by
// one or by SendAll is all the same to the plan.
type compound struct {
	*lifecycle
	over  []transport.Transport
	begin func(transport.Mail) plan
	ready func(context.Context, []transport.Transport) error // what Check asks; nil means that all must be ready
	ahead int                                                // plans that SendAll prepares at the same time, if they can be
	// aheadIfSlow: only once it takes long to prepare a plan.
	aheadIfSlow bool
	// failFast: a relay that is down shall say so at once, because there is another one, or because failures are counted.
	failFast bool
	limit    int // of mails that SendAll has under way; 0 for underWay
}

// plan is the course of one mail: one step after the other, until it has no more.
type plan interface {
	// next looks at what a says of the step before and returns the next one.
	next(ctx context.Context, a *attempts) (step, bool)
}

// preparable is a plan with work to do before its first step. next does it too if it was not done.
type preparable interface {
	prepare(ctx context.Context, a *attempts)
}

// step is one attempt.
type step struct {
	over int           // the transport, by its position
	to   []int         // the recipients, by their positions in the envelope
	wait time.Duration // how long to wait before
	why  string        // what the wait is for

	// All that follows is rare, and nil or false.
	mail          transport.Mail          // goes instead of the mail
	mapOutcome    func(*attempt) *attempt // converts the outcome of mail into that of the original
	ignoreOutcome bool                    // the outcome does not count
	unused        func()                  // is called when nothing came of the step: it was not taken, or panicked
	// gate waits until the step may be taken, in place of wait, and returns why it may not be: after a *skipError the plan
	// goes on with the next step. It returns too when the transport is closed, which done tells.
	gate func(ctx context.Context, done <-chan struct{}) error
}

// waits reports whether the step is not taken at once.
func (s *step) waits() bool { return s.wait > 0 || s.gate != nil }

// String names what is below, joined by commas.
func (c *compound) String() string {
	var names []string
	for _, t := range c.over {
		if name := nameOf(t); name != "" {
			names = append(names, name)
		}
	}
	return strings.Join(names, ",")
}

func newCompound(begin func(transport.Mail) plan, over ...transport.Transport) *compound {
	return &compound{lifecycle: newLifecycle(over...), over: over, begin: begin}
}

// delivery is a mail on its way through a compound.
type delivery struct {
	plan     plan
	attempts *attempts
	step     step
	mail     transport.Mail // what goes out in the current step
}

// start lets a mail in, or says how it ends at once.
func (c *compound) start(ctx context.Context, mail transport.Mail) (*delivery, *attempt) {
	if err := envelope.Check(mail); err != nil {
		return nil, unsent(ctx, mail, transport.PhaseMessage, err)
	}
	if err := c.enter(); err != nil {
		return nil, unsent(ctx, mail, transport.PhaseWait, err)
	}
	return &delivery{plan: c.begin(mail), attempts: newAttempts(mail)}, nil
}

// advance makes the next step the current one; false means that the mail is at its end.
func (d *delivery) advance(ctx context.Context) bool {
	next, ok := d.plan.next(ctx, d.attempts)
	if !ok {
		return false
	}
	d.step, d.mail = next, next.mail
	if d.mail == nil {
		var err error
		if d.mail, err = transport.ForRecipients(d.attempts.mail, next.to); err != nil {
			d.drop()
			d.attempts.stop(transport.PhaseMessage, err)
			return false
		}
	}
	return true
}

// skipError is why a step is not taken, which says nothing about later steps for other recipients.
type skipError struct {
	wait time.Duration // after which its recipients may be tried again; 0 is not known
	err  error
}

func (e *skipError) Error() string { return e.err.Error() }

func (e *skipError) Unwrap() error { return e.err }

// Temporary returns true.
func (e *skipError) Temporary() bool { return true }

// pause waits as long as the current step asks for. A wait that ctx would cut short is not begun, or ends as soon as that is
// known. The error says why the step is not taken; skipped, that the next one may be.
func (c *compound) pause(ctx context.Context, d *delivery) (skipped bool, err error) {
	if !d.step.waits() {
		return false, nil
	}
	if d.step.gate != nil {
		err = d.step.gate(ctx, c.done)
	} else {
		err = c.sleep(ctx, d.step.wait)
	}
	if err != nil {
		skip, isSkip := errors.AsType[*skipError](err)
		skipped = isSkip
		switch {
		case err == transport.ErrClosed: //nolint:errorlint // it is that one alone that says enough
		case d.step.gate != nil:
			err = fmt.Errorf("waiting %s: %w", d.step.why, err)
		default:
			err = fmt.Errorf("waiting %v %s: %w", d.step.wait.Round(time.Millisecond), d.step.why, err)
		}
		if skipped && skip.wait > 0 {
			d.attempts.postpone(d.step.to, transport.FaultRelay, skip.wait, err)
		} else {
			d.attempts.stop(transport.PhaseWait, err)
		}
		d.drop()
	}
	return skipped, err
}

// drop tells the plan that nothing came of the current step.
func (d *delivery) drop() {
	if d.step.unused != nil {
		d.step.unused()
	}
}

func (c *compound) sleep(ctx context.Context, wait time.Duration) error {
	if ends, ok := ctx.Deadline(); ok && time.Until(ends) < wait {
		return errNoTime
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-c.done:
		return transport.ErrClosed
	}
}

// errNoTime is why a wait is not begun: it would end after the deadline of the caller's ctx.
var errNoTime = fmt.Errorf("it would end after the deadline of ctx: %w", context.DeadlineExceeded)

// record enters what came of the current step.
func (d *delivery) record(of *attempt) {
	if d.step.mapOutcome != nil {
		of = d.step.mapOutcome(of)
	}
	if d.step.ignoreOutcome {
		d.attempts.last, d.attempts.lastTo = of, d.step.to
		return
	}
	d.attempts.add(d.step.to, of)
}

// Send takes the mail through its plan.
func (c *compound) Send(ctx context.Context, mail transport.Mail) (*transport.Result, error) {
	d, refused := c.start(ctx, mail)
	if refused != nil {
		return refused.result, refused.err()
	}
	defer c.leave()
	for d.advance(ctx) {
		skipped, err := c.pause(ctx, d)
		switch {
		case err == nil:
			d.record(c.attempt(ctx, d))
		case !skipped:
			return d.attempts.end()
		}
	}
	return d.attempts.end()
}

// attempt takes the current step. When a mail or a transport panics, the plan hears that it is over.
func (c *compound) attempt(ctx context.Context, d *delivery) (of *attempt) {
	defer func() {
		if of == nil {
			d.drop()
		}
	}()
	return send(ctx, c.over[d.step.over], d.mail)
}

// Check finds out whether mail could be sent now.
func (c *compound) Check(ctx context.Context) error {
	if c.ready != nil {
		return c.ready(ctx, c.over)
	}
	return c.lifecycle.Check(ctx)
}

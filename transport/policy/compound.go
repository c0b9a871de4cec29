package policy

import (
	"context"
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
}

// plan is the course of one mail: one step after the other until there is none.
type plan interface {
	// next looks at what the account says of the step before and returns the next one.
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
	mail   transport.Mail          // goes instead of the mail
	adapt  func(*attempt) *attempt // makes of what became of that what became of the mail
	aside  bool                    // the outcome does not count
	unused func()                  // is called when nothing came of the step: it was not taken, or panicked
}

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
	return &compound{lifecycle: newOwner(over...), over: over, begin: begin}
}

// delivery is a mail on its way through a compound.
type delivery struct {
	plan    plan
	account *attempts
	step    step
	mail    transport.Mail // what goes out in the current step
}

// start lets a mail in, or says how it ends at once.
func (c *compound) start(ctx context.Context, mail transport.Mail) (*delivery, *attempt) {
	if err := envelope.Check(mail); err != nil {
		return nil, unsent(ctx, mail, transport.PhaseMessage, err)
	}
	if err := c.enter(); err != nil {
		return nil, unsent(ctx, mail, transport.PhaseWait, err)
	}
	return &delivery{plan: c.begin(mail), account: newAccount(mail)}, nil
}

// advance makes the next step the current one; false means that the mail is at its end.
func (e *delivery) advance(ctx context.Context) bool {
	next, ok := e.plan.next(ctx, e.account)
	if !ok {
		return false
	}
	e.step, e.mail = next, next.mail
	if e.mail == nil {
		var err error
		if e.mail, err = transport.ForRecipients(e.account.mail, next.to); err != nil {
			e.drop()
			e.account.stop(transport.PhaseMessage, err)
			return false
		}
	}
	return true
}

// pause waits as long as the current step asks for. A wait that ctx would cut short is not begun.
func (c *compound) pause(ctx context.Context, e *delivery) error {
	if e.step.wait <= 0 {
		return nil
	}
	err := c.sleep(ctx, e.step.wait)
	if err != nil {
		if err != transport.ErrClosed { //nolint:errorlint // it is that one alone that says enough
			err = fmt.Errorf("waiting %v %s: %w", e.step.wait.Round(time.Millisecond), e.step.why, err)
		}
		e.account.stop(transport.PhaseWait, err)
		e.drop()
	}
	return err
}

// drop tells the plan that nothing came of the current step.
func (e *delivery) drop() {
	if e.step.unused != nil {
		e.step.unused()
	}
}

func (c *compound) sleep(ctx context.Context, d time.Duration) error {
	if ends, ok := ctx.Deadline(); ok && time.Until(ends) < d {
		return errNoTime
	}
	timer := time.NewTimer(d)
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

// back enters what came of the current step.
func (e *delivery) back(of *attempt) {
	if e.step.adapt != nil {
		of = e.step.adapt(of)
	}
	if e.step.aside {
		e.account.last, e.account.lastTo = of, e.step.to
		return
	}
	e.account.add(e.step.to, of)
}

// Send takes the mail through its plan.
func (c *compound) Send(ctx context.Context, mail transport.Mail) (*transport.Result, error) {
	e, refused := c.start(ctx, mail)
	if refused != nil {
		return refused.result, refused.err
	}
	defer c.leave()
	for e.advance(ctx) {
		if c.pause(ctx, e) != nil {
			break
		}
		e.back(c.attempt(ctx, e))
	}
	return e.account.end()
}

// attempt takes the current step. When a mail or a transport panics, the plan hears that it is over.
func (c *compound) attempt(ctx context.Context, e *delivery) (of *attempt) {
	defer func() {
		if of == nil {
			e.drop()
		}
	}()
	return send(ctx, c.over[e.step.over], e.mail)
}

// Check finds out whether mail could be sent now.
func (c *compound) Check(ctx context.Context) error {
	if c.ready != nil {
		return c.ready(ctx, c.over)
	}
	return c.lifecycle.Check(ctx)
}

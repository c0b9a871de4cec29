package policy

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/depeche-mail/depeche/transport"
)

// BreakerState says whether a [Breaker] lets mail through.
type BreakerState uint8

const (
	// BreakerClosed lets mail through.
	BreakerClosed BreakerState = iota
	// BreakerOpen refuses mail at once.
	BreakerOpen
	// BreakerHalfOpen lets one mail through, to see whether the relay is back, and refuses others.
	BreakerHalfOpen
)

var breakerNames = [...]string{"closed", "open", "half open"}

// String returns the state in lower case.
func (s BreakerState) String() string {
	if int(s) < len(breakerNames) {
		return breakerNames[s]
	}
	return fmt.Sprintf("breaker state %d", uint8(s))
}

// Breaker describes a transport that stops asking a relay that is out of order, so that mail fails
// in no time instead of after a timeout each, and moves on where a [Failover] is above.
//
// Only faults of the relay count: no connection, a broken handshake, a refused login, 421, a
// connection that broke off. Refused recipients and messages show that the relay works, whatever
// they are refused for. A mail that its caller gave up says nothing.
type Breaker struct {
	// Next is the relay. The transport owns it.
	Next transport.Transport
	// Threshold is how many faults in a row open the breaker; 0 means 5.
	Threshold int
	// OpenFor is how long it stays open before one mail is let through as a probe; 0 means 30 seconds.
	OpenFor time.Duration
	// OnStateChange, if it is set, is told each change of state. It is called while mails wait, so it must
	// return soon and not send.
	OnStateChange func(BreakerState)
}

// Build checks the description and returns the transport. The error joins [envelope.FieldError]s.
// While the breaker is open, recipients are NotSent and the cause is an [*BreakerOpenError].
func (b Breaker) Build() (transport.Transport, error) {
	var bad configErrors
	bad.over("Next", b.Next)
	bad.count("Threshold", int64(b.Threshold))
	bad.duration("OpenFor", b.OpenFor)
	if err := bad.err(); err != nil {
		return nil, err
	}
	const defaultThreshold, defaultOpenFor = 5, 30 * time.Second
	if b.Threshold == 0 {
		b.Threshold = defaultThreshold
	}
	if b.OpenFor == 0 {
		b.OpenFor = defaultOpenFor
	}
	s := &circuit{Breaker: b}
	c := newCompound(func(transport.Mail) plan { return &breakerPlan{circuit: s} }, b.Next)
	c.failFast = true
	return c, nil
}

// BreakerOpenError is the cause of a send that a [Breaker] refused.
type BreakerOpenError struct {
	Until time.Time // when a mail will be let through
	Err   error     // the fault that opened the breaker
}

// Error names the time and the fault.
func (e *BreakerOpenError) Error() string {
	return fmt.Sprintf("not asked before %s, because it failed: %s", e.Until.UTC().Format(time.RFC3339), transport.ReasonOf(e.Err))
}

// Unwrap returns the fault.
func (e *BreakerOpenError) Unwrap() error { return e.Err }

// Temporary returns true.
func (e *BreakerOpenError) Temporary() bool { return true }

// circuit is what all mails of a Breaker share.
type circuit struct {
	Breaker

	mu      sync.Mutex
	state   BreakerState
	faults  int // in a row
	until   time.Time
	cause   error
	probing bool
	changes []BreakerState // that the observer has not been told of
}

// pass lets a mail through or says why not. probe means that it is the only one.
func (f *circuit) pass() (probe bool, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.state == BreakerOpen && !time.Now().Before(f.until) {
		f.become(BreakerHalfOpen)
	}
	switch {
	case f.state == BreakerClosed:
		return false, nil
	case f.state == BreakerHalfOpen && !f.probing:
		f.probing = true
		return true, nil
	}
	return false, &BreakerOpenError{Until: f.until, Err: f.cause}
}

// back learns from a mail that was let through.
func (f *circuit) back(probe bool, of *attempt) {
	fault, alive := of.fault(), of.alive()
	f.mu.Lock()
	defer f.mu.Unlock()
	if probe {
		f.probing = false
	}
	switch {
	case f.state == BreakerOpen || f.state == BreakerHalfOpen && !probe: // let through before it opened
	case alive:
		f.faults = 0
		f.become(BreakerClosed)
	case fault:
		f.faults++
		if probe || f.faults >= f.Threshold {
			f.until, f.cause = time.Now().Add(f.OpenFor), of.failure
			f.become(BreakerOpen)
		}
	}
}

func (f *circuit) become(state BreakerState) {
	if f.state == state {
		return
	}
	f.state = state
	f.changes = append(f.changes, state)
	if f.OnStateChange != nil {
		f.OnStateChange(state)
	}
}

// tell tells the observers of ctx of the changes of state that a mail has brought about.
func (f *circuit) tell(ctx context.Context, mail transport.Mail, relay string) {
	f.mu.Lock()
	changes, cause := f.changes, f.cause
	f.changes = nil
	f.mu.Unlock()
	for _, state := range changes {
		d := transport.Decision{Kind: transport.DecisionBreaker, Mail: mail, Relay: relay, State: state.String()}
		if state == BreakerOpen {
			d.Wait, d.Err = f.OpenFor, cause
		}
		transport.Tell(ctx, d)
	}
}

// breakerPlan is the plan of a mail through a breaker.
type breakerPlan struct {
	*circuit
	probe bool
}

func (p *breakerPlan) next(ctx context.Context, a *attempts) (step, bool) {
	if a.last != nil {
		p.back(p.probe, a.last)
		p.tell(ctx, a.mail, a.last.result.Relay)
		return step{}, false
	}
	var err error
	p.probe, err = p.pass()
	p.tell(ctx, a.mail, nameOf(p.Next))
	if err != nil {
		a.stop(transport.PhaseWait, err)
		return step{}, false
	}
	return step{to: a.all(), unused: p.unused}, true
}

// unused lets another mail be the probe.
func (p *breakerPlan) unused() {
	if p.probe {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.probing = false
	}
}

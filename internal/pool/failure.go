package pool

import (
	"context"
	"time"

	"github.com/depeche-mail/depeche/internal/expired"
	"github.com/depeche-mail/depeche/internal/pause"
)

// Failure says what a failure to open a resource means for others.
type Failure uint8

// The failures.
const (
	// FailureLasting would meet each user in the same way.
	FailureLasting Failure = iota
	// FailureForNow may pass. A user who met it waits for another resource while there is one.
	FailureForNow
	// FailureTooMany is FailureForNow, and says that the provider allows no more than there are.
	FailureTooMany
)

// The pause after the second failure in a row, and the longest.
const (
	firstPause   = 50 * time.Millisecond
	longestPause = 5 * time.Second
)

// openFailed notes a failure, and reports whether the user who met it waits for another resource. When none is open nor
// being opened, all who wait share the failure, unless it was the ctx of the one who tried.
func (p *Pool[R]) openFailed(ctx context.Context, err error) (wait bool) {
	if expired.Cause(ctx) != nil {
		return false
	}
	p.stats.Failed++
	why := FailureLasting
	if p.options.Judge != nil {
		why = p.options.Judge(err)
	}
	others := len(p.busy) + len(p.idle) + p.opening
	if why == FailureTooMany { // the places of all pools of the provider count
		n := p.group.count()
		others = n.open + n.opening
		p.tooMany(err)
	}
	if why != FailureTooMany || others == 0 {
		p.failures++
		if p.failures > 1 {
			p.retry = time.Now().Add(pause.Doubled(firstPause, longestPause, p.failures-2))
		}
	}
	switch {
	case why != FailureLasting && others > 0:
		return !p.killed
	case len(p.busy) > 0: // a resource in use will come back
	default:
		p.refuse(err)
	}
	return false
}

// refuse ends all users who wait, with an error.
func (p *Pool[R]) refuse(err error) {
	p.refusals++
	p.refusal = err
	for w := p.queue.next(); w != nil; w = p.queue.next() {
		p.queue.remove(w)
		w.err = err
		close(w.ready)
	}
}

// nudge serves those who wait again when the pause after a failure is over.
func (p *Pool[R]) nudge() {
	pause := time.Until(p.retry)
	if p.nudger != nil || p.queue.len() == 0 || p.failures == 0 || pause <= 0 {
		return
	}
	p.nudger = time.AfterFunc(pause, func() {
		p.mu.Lock()
		defer p.unlock()
		p.nudger = nil
		p.serve()
	})
}

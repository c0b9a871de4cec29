package policy

import (
	"container/list"
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/depeche-mail/depeche/transport"
)

// pacer is what all mails of a Pace share.
type pacer struct {
	Pace
	*SharedPace
}

// paceLane is a row of mails that leave one after the other.
type paceLane struct {
	rateFinder

	waiting list.List // of *turn
	last    time.Time // when the mail before left, or would have left if nothing were late
	spread  float64   // of the time until the next one, about 1
}

// turn is the place of a mail in a lane.
type turn struct {
	lane    *paceLane
	place   *list.Element // nil when it has left the lane
	wake    chan struct{} // has room for one
	limited bool          // it had to wait
	day     int           // of the warm-up, on which it left
	domain  string        // of all its recipients; "" for several, and for one who has waited in the lane of the domain
}

// enter puts a mail at the end of a lane, or at its head.
func (p *pacer) enter(lane *paceLane, domain string, first bool) *turn {
	p.mu.Lock()
	defer p.mu.Unlock()
	t := &turn{lane: lane, wake: make(chan struct{}, 1), domain: domain}
	if first {
		t.place = lane.waiting.PushFront(t)
	} else {
		t.place = lane.waiting.PushBack(t)
	}
	t.limited = lane.waiting.Len() > 1
	return t
}

// leave takes a mail out of its lane. It may be called again.
func (p *pacer) leave(t *turn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.remove(t)
}

func (p *pacer) remove(t *turn) {
	if t.place != nil {
		t.lane.waiting.Remove(t.place)
		t.place = nil
		t.lane.wakeHead()
	}
}

func (l *paceLane) wakeHead() {
	if head := l.waiting.Front(); head != nil {
		head.Value.(*turn).wakeUp() //nolint:forcetypeassert // nothing else is in the list
	}
}

func (t *turn) wakeUp() {
	select {
	case t.wake <- struct{}{}:
	default: // it has not yet heard of the wake before
	}
}

// await waits for the turn of a mail and takes it out of its lane, also when it returns why the mail may not leave.
func (p *pacer) await(ctx context.Context, done <-chan struct{}, t *turn) error {
	defer p.leave(t)
	for {
		wait, first := p.tryLeave(t)
		if first && wait <= 0 {
			return nil
		}
		if err := p.tooLong(ctx, t, wait); err != nil {
			return err
		}
		var due <-chan time.Time // never, for one that is not the first
		if first {
			timer := time.NewTimer(wait)
			defer timer.Stop()
			due = timer.C
		}
		select {
		case <-due:
		case <-t.wake:
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-done:
			return transport.ErrClosed
		}
	}
}

// tooLong returns why a mail does not wait in its lane: the relay asked for a longer wait than MaxWait, of this mail or of one
// before, or the mail could not leave before the deadline of ctx. wait is what is known of the first mail.
func (p *pacer) tooLong(ctx context.Context, t *turn, wait time.Duration) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	asked := t.lane.until.Sub(now)
	if asked > p.MaxWait {
		return &skipError{asked, fmt.Errorf("the relay asked to wait until %s", t.lane.until.UTC().Format(time.RFC3339))}
	}
	wait = max(wait, asked)
	if t.lane == p.relay {
		wait = max(wait, p.nextDay(now).Sub(now))
	}
	if ends, ok := ctx.Deadline(); ok && ends.Before(now.Add(wait)) {
		return &skipError{0, errNoTime}
	}
	return nil
}

// tryLeave lets the first of a lane leave if it is time, or says how long it has to wait.
func (p *pacer) tryLeave(t *turn) (wait time.Duration, first bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if t.lane.waiting.Front() != t.place {
		t.limited = true
		return 0, false
	}
	if lane := p.domains[t.domain]; lane != nil && t.lane == p.relay { // which was refused while it waited
		p.remove(t)
		t.lane, t.place = lane, lane.waiting.PushBack(t)
		t.wakeUp()
		return 0, false
	}
	now := time.Now()
	due := t.lane.due()
	if t.lane == p.relay {
		if day := p.nextDay(now); day.After(due) {
			due = day
		}
	}
	if wait = due.Sub(now); wait > 0 {
		t.limited = true
		return wait, true
	}
	// A timer that was late is made up for, up to a point.
	const late = 10 * time.Millisecond
	t.lane.last = due
	if earliest := now.Add(-late); due.Before(earliest) {
		t.lane.last = earliest
	}
	const varies = 0.1                              // so that senders who began together do not always meet
	t.lane.spread = 1 + varies*(2*rand.Float64()-1) //nolint:gosec // an attacker gains nothing by guessing it
	if t.lane == p.relay {
		p.sent++
		t.day = p.today
	}
	p.remove(t)
	return 0, true
}

// due is when the next mail may leave.
func (l *paceLane) due() time.Time {
	due := l.last
	if !due.IsZero() {
		due = due.Add(time.Duration(l.spread * float64(time.Second) / l.rate))
	}
	if l.until.After(due) {
		due = l.until
	}
	return due
}

// uncount takes a mail back from a day of the warm-up, of which the relay neither took nor finally refused anything, such as one that did
// not reach it.
func (p *pacer) uncount(day int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.sent > 0 && day == p.today {
		p.sent--
		p.relay.wakeHead() // which may wait for the next day
	}
}

// nextDay is when the next mail may leave by WarmUp; the zero Time is now.
func (p *SharedPace) nextDay(now time.Time) time.Time {
	today := int(now.Sub(p.from) / day)
	if now.Before(p.from) {
		today = -1
	}
	if today != p.today {
		p.today, p.sent = today, 0
	}
	if today < 0 || today >= len(p.warmUp) || p.sent < p.warmUp[today] {
		return time.Time{}
	}
	return p.from.Add(time.Duration(today+1) * day)
}

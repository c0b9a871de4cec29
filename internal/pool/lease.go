package pool

import (
	"context"
	"time"

	"github.com/depeche-mail/depeche/internal/panics"
)

// Lease is a resource in the hands of one user.
type Lease[R any] struct {
	pool   *Pool[R]
	value  R
	born   time.Time
	since  time.Time // idle since
	reused bool

	refusals int       // of all who wait, when it was refused
	bulk     *Bulk[R]  // the user, nil for a single one
	got      time.Time // when bulk got it
	promised bool      // it will be given back because others wait
}

// Value returns the resource.
func (l *Lease[R]) Value() R { return l.value }

// Reused reports whether the resource was used before.
func (l *Lease[R]) Reused() bool { return l.reused }

// Release gives the resource back for others. Release or Discard is called once.
func (l *Lease[R]) Release() {
	p := l.pool
	p.mu.Lock()
	defer p.unlock()
	p.takeBack(l)
	switch {
	case !p.options.Usable(l.value):
		p.bury(l, Spent)
	case p.old(l):
		p.bury(l, TooOld)
	case p.queue.len() == 0 && p.draining:
		p.bury(l, Closing)
	case p.queue.len() == 0 && len(p.idle) >= p.options.MaxIdle:
		p.bury(l, TooManyIdle)
	default:
		l.since, l.reused = time.Now(), true
		p.idle = append(p.idle, l)
	}
	p.serve()
}

// Discard gives up a resource that is of no use any more.
func (l *Lease[R]) Discard() {
	p := l.pool
	p.mu.Lock()
	defer p.unlock()
	p.takeBack(l)
	p.bury(l, Spent)
	p.serve()
}

// Refused gives up a resource because its provider has too much to do; tooMany says that it spoke of their number. It
// reports whether others are open, or being opened, that may serve the user.
func (l *Lease[R]) Refused(tooMany bool, cause error) (others bool) {
	p := l.pool
	p.mu.Lock()
	defer p.unlock()
	p.takeBack(l)
	p.bury(l, TooMany)
	l.refusals = p.refusals
	n := p.group.count()
	others = n.open+n.opening > 0
	if tooMany {
		p.tooMany(cause)
	}
	if tooMany && !others { // each of those who wait would meet the same
		p.failures++
		p.refuse(cause)
	}
	p.serve()
	return others
}

// Again is [Pool.Get] for the user of a resource that was Refused while there were others: the user is one of those who wait from
// that moment on, and gets the error when all of them were refused since.
func (l *Lease[R]) Again(ctx context.Context) (*Lease[R], error) {
	return l.pool.get(ctx, wish[R]{again: true, refused: l.refusals})
}

// Surplus gives up a resource that served its user, but of which the provider said that there are too many. Without others
// it is kept: then the provider speaks of those of other programs.
func (l *Lease[R]) Surplus(cause error) {
	p := l.pool
	p.mu.Lock()
	if p.group.count().open < 2 {
		p.unlock()
		l.Release()
		return
	}
	defer p.unlock()
	p.takeBack(l)
	p.bury(l, TooMany)
	p.tooMany(cause)
	p.serve()
}

// takeBack ends the time of a user.
func (p *Pool[R]) takeBack(l *Lease[R]) {
	delete(p.busy, l)
	if l.promised {
		p.group.promised--
	}
	if l.bulk != nil {
		l.bulk.held--
	}
	l.bulk, l.promised = nil, false
}

func (p *Pool[R]) old(l *Lease[R]) bool {
	return p.options.MaxAge > 0 && time.Since(l.born) >= p.options.MaxAge
}

// judge says why an idle resource may not be handed out, "" for one that may.
func (p *Pool[R]) judge(l *Lease[R]) Reason {
	switch {
	case p.old(l):
		return TooOld
	case p.options.IdleTimeout > 0 && time.Since(l.since) >= p.options.IdleTimeout:
		return TooIdle
	case !p.options.Usable(l.value):
		return Spent
	case !p.options.Alive(l.value):
		return Dead
	}
	return ""
}

// takeIdle returns the idle resource that was used last and is still usable, or nil.
func (p *Pool[R]) takeIdle() *Lease[R] {
	for len(p.idle) > 0 {
		last := len(p.idle) - 1
		l := p.idle[last]
		p.idle = p.idle[:last]
		why := p.judge(l)
		if why == "" {
			if l.reused {
				p.stats.Reused++
			}
			return l
		}
		p.bury(l, why)
	}
	return nil
}

// serveNext gives what is free to the one of those who wait who is next, and reports whether there was something.
func (p *Pool[R]) serveNext() bool {
	w := p.queue.next()
	if w == nil {
		return false
	}
	if lease := p.takeIdle(); lease != nil {
		p.lend(lease, w.bulk)
		w.lease = lease
	} else if p.mayOpen() {
		p.begin(w.bulk)
	} else {
		p.makeRoomInGroup()
		return false
	}
	p.queue.serve(w)
	close(w.ready)
	return true
}

// lookAfter does what is due when all who can be are served.
func (p *Pool[R]) lookAfter() {
	p.hurry()
	p.nudge()
	p.warm()
	p.watch()
	p.signalIfEmpty()
}

// warm opens resources ahead of need, one at a time.
func (p *Pool[R]) warm() {
	if !p.inUse || p.draining || p.opening > 0 || p.failures > 0 || len(p.idle) >= p.options.MinIdle || !p.mayOpen() {
		return
	}
	p.opening++
	go func() {
		value, err, panicked := p.tryOpen()
		p.mu.Lock()
		defer p.unlock()
		if panicked { // the next user, who opens one in a goroutine of its own, meets the panic there
			p.opening--
			p.failures++
			p.serve()
			return
		}
		lease, _, err := p.opened(p.ctx, nil, value, err)
		switch {
		case err != nil:
		case p.draining && p.queue.len() == 0:
			p.bury(lease, Closing)
		default:
			lease.since = time.Now()
			p.idle = append(p.idle, lease)
		}
		p.serve()
	}()
}

// Keep changes how long a resource may be idle, 0 for any time, and how many idle ones are opened ahead of need.
func (p *Pool[R]) Keep(idle time.Duration, ahead int) {
	p.mu.Lock()
	defer p.unlock()
	if p.options.IdleTimeout == idle && p.options.MinIdle == ahead {
		return
	}
	p.options.IdleTimeout, p.options.MinIdle = idle, ahead
	if p.reaper != nil {
		p.reaper.Stop()
		p.reaper = nil
	}
	if !p.draining {
		p.serve()
	}
}

// tryOpen is attempt for a goroutine of the pool's own.
func (p *Pool[R]) tryOpen() (value R, err error, panicked bool) {
	var caught panics.Catcher
	caught.Do(func() { value, err = p.attempt(p.ctx, p.options.Ahead) })
	return value, err, caught.Caught()
}

// watch sets the timer for the idle resource that expires first.
func (p *Pool[R]) watch() {
	if p.reaper != nil || len(p.idle) == 0 || p.options.IdleTimeout <= 0 && p.options.MaxAge <= 0 {
		return
	}
	var next time.Duration
	for i, l := range p.idle {
		if left := p.left(l); i == 0 || left < next {
			next = left
		}
	}
	p.reaper = time.AfterFunc(next, p.reap)
}

// left is how long an idle resource may stay.
func (p *Pool[R]) left(l *Lease[R]) time.Duration {
	age, idle := p.options.MaxAge-time.Since(l.born), p.options.IdleTimeout-time.Since(l.since)
	switch {
	case p.options.MaxAge <= 0:
		return max(idle, 0)
	case p.options.IdleTimeout <= 0:
		return max(age, 0)
	}
	return max(min(age, idle), 0)
}

// reap closes the idle resources that have expired.
func (p *Pool[R]) reap() {
	p.mu.Lock()
	defer p.unlock()
	p.reaper = nil
	kept := p.idle[:0]
	for _, l := range p.idle {
		if why := p.judge(l); why == "" {
			kept = append(kept, l)
		} else {
			p.bury(l, why)
		}
	}
	clear(p.idle[len(kept):])
	p.idle = kept
	p.serve()
}

package pool

import (
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
}

// Value returns the resource.
func (l *Lease[R]) Value() R { return l.value }

// Reused reports whether the resource was used before.
func (l *Lease[R]) Reused() bool { return l.reused }

// Release gives the resource back for others. Release or Discard is called once.
func (l *Lease[R]) Release() {
	p := l.pool
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.busy, l)
	if !p.options.Usable(l.value) || p.old(l) || p.waiters.Len() == 0 && (p.draining || len(p.idle) >= p.options.MaxIdle) {
		p.bury(l)
	} else {
		l.since, l.reused = time.Now(), true
		p.idle = append(p.idle, l)
	}
	p.serve()
}

// Discard gives up a resource that is of no use any more.
func (l *Lease[R]) Discard() {
	p := l.pool
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.busy, l)
	p.bury(l)
	p.serve()
}

func (p *Pool[R]) old(l *Lease[R]) bool {
	return p.options.MaxAge > 0 && time.Since(l.born) >= p.options.MaxAge
}

func (p *Pool[R]) stale(l *Lease[R]) bool {
	return p.old(l) || p.options.IdleTimeout > 0 && time.Since(l.since) >= p.options.IdleTimeout
}

// good reports whether an idle resource may be handed out.
func (p *Pool[R]) good(l *Lease[R]) bool {
	return !p.stale(l) && p.options.Usable(l.value) && p.options.Alive(l.value)
}

// takeIdle returns the idle resource that was used last and is still usable, or nil.
func (p *Pool[R]) takeIdle() *Lease[R] {
	for len(p.idle) > 0 {
		last := len(p.idle) - 1
		l := p.idle[last]
		p.idle = p.idle[:last]
		if p.good(l) {
			p.busy[l] = struct{}{}
			if l.reused {
				p.stats.Reused++
			}
			return l
		}
		p.bury(l)
	}
	return nil
}

// serve gives what is free to those who wait, in order, and looks after the idle ones.
func (p *Pool[R]) serve() {
	for p.waiters.Len() > 0 {
		first := p.waiters.Front()
		w := first.Value.(*waiter[R]) //nolint:forcetypeassert // the list holds nothing else
		if lease := p.takeIdle(); lease != nil {
			w.lease = lease
		} else if p.mayOpen() {
			p.opening++
		} else {
			break
		}
		p.waiters.Remove(first)
		close(w.ready)
	}
	p.hurry()
	p.warm()
	p.watch()
	p.settle()
}

// warm opens resources ahead of need, one at a time.
func (p *Pool[R]) warm() {
	if p.draining || p.opening > 0 || p.failures > 0 || len(p.idle) >= p.options.MinIdle || !p.mayOpen() {
		return
	}
	p.opening++
	go func() {
		value, err, panicked := p.tryOpen()
		p.mu.Lock()
		defer p.mu.Unlock()
		if panicked { // the next user, who opens one in a goroutine of its own, meets the panic there
			p.opening--
			p.failures++
			p.serve()
			return
		}
		lease, err := p.opened(p.ctx, value, err)
		switch {
		case err != nil:
			return
		case p.draining && p.waiters.Len() == 0:
			p.bury(lease)
		default:
			lease.since = time.Now()
			p.idle = append(p.idle, lease)
		}
		p.serve()
	}()
}

// tryOpen is attempt for a goroutine of the pool's own.
func (p *Pool[R]) tryOpen() (value R, err error, panicked bool) {
	var caught panics.Catcher
	caught.Do(func() { value, err = p.attempt(p.ctx) })
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
	defer p.mu.Unlock()
	p.reaper = nil
	kept := p.idle[:0]
	for _, l := range p.idle {
		if p.good(l) {
			kept = append(kept, l)
		} else {
			p.bury(l)
		}
	}
	clear(p.idle[len(kept):])
	p.idle = kept
	p.serve()
}

package pool

import (
	"context"
	"time"
)

// Stats are figures of a pool: what it holds now, and what has happened since New.
type Stats struct {
	Idle, Busy, Opening, Waiting int // now

	Opened   int           // resources that were opened
	Failed   int           // failures to open one
	Reused   int           // uses of a resource that had been used before
	Closed   int           // resources that were given up
	Waits    int           // users that had to wait
	WaitTime time.Duration // how long they waited together
}

// Stats returns the figures of this moment.
func (p *Pool[R]) Stats() Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.stats
	s.Idle, s.Busy, s.Opening, s.Waiting = len(p.idle), len(p.busy), p.opening, p.waiters.Len()
	return s
}

// Shutdown refuses new users, serves those who are there, closes everything politely, and returns
// when nothing is left. When ctx ends first, the rest is killed and the error is that of ctx.
func (p *Pool[R]) Shutdown(ctx context.Context) error {
	p.mu.Lock()
	p.drain()
	p.mu.Unlock()
	select {
	case <-p.quiet:
		return nil
	case <-ctx.Done():
		p.Close()
		return context.Cause(ctx)
	}
}

// drain begins the end; it may be called again.
func (p *Pool[R]) drain() {
	p.draining = true
	p.cancel()
	if p.reaper != nil {
		p.reaper.Stop()
	}
	for _, l := range p.idle {
		p.bury(l)
	}
	p.idle = nil
	p.serve()
}

// settle notices that a draining pool holds nothing any more.
func (p *Pool[R]) settle() {
	if !p.draining || len(p.idle)+len(p.busy)+p.waiters.Len()+len(p.leaving.open)+p.opening > 0 {
		return
	}
	select {
	case <-p.quiet:
	default:
		close(p.quiet)
	}
}

// Close refuses new users and those who wait, and kills everything at once, also what is in use.
func (p *Pool[R]) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.killed = true
	p.refuse(p.options.Closed)
	for l := range p.busy {
		p.options.Kill(l.value)
	}
	for l := range p.leaving.open {
		p.options.Kill(l.value)
	}
	p.drain()
}

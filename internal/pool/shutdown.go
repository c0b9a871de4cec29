package pool

import (
	"context"
	"time"
)

// Stats are figures of a pool: what it holds now, and what has happened since New.
type Stats struct {
	Idle, Busy, Opening, Waiting int // now
	Limit                        int // how many may be open now, as refusals have shown; 0 when nothing was learned

	Opened   int           // resources that were opened
	Failed   int           // failures to open one
	Refused  int           // refusals that said that there are too many, at opening and later
	Reused   int           // uses of a resource that had been used before
	Closed   int           // resources that were given up
	Waits    int           // users that had to wait
	WaitTime time.Duration // how long they waited together
}

// Stats returns the figures of this moment.
func (p *Pool[R]) Stats() Stats {
	p.mu.Lock()
	defer p.unlock()
	return p.figures()
}

func (p *Pool[R]) figures() Stats {
	s := p.stats
	p.most() // what is too old is forgotten, and that is told
	s.Limit, _ = p.limit.current()
	s.Idle, s.Busy, s.Opening, s.Waiting = len(p.idle), len(p.busy), p.opening, p.queue.len()
	return s
}

// Open returns how many resources of the group are open: a user who was refused may wait for the place of one.
func (p *Pool[R]) Open() int {
	p.mu.Lock()
	defer p.unlock()
	return p.group.count().open
}

// Shutdown refuses new users, serves those who are there, closes everything politely, and returns
// when nothing is left. When ctx ends first, the rest is killed and the error is that of ctx.
func (p *Pool[R]) Shutdown(ctx context.Context) error {
	p.mu.Lock()
	p.drain()
	p.unlock()
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
	for _, timer := range []*time.Timer{p.reaper, p.nudger} {
		if timer != nil {
			timer.Stop()
		}
	}
	p.nudger = nil
	for l := range p.leaving.open {
		time.AfterFunc(lastGoodbye, func() { p.options.Kill(l.value) })
	}
	for _, l := range p.idle {
		p.bury(l, Closing)
	}
	p.idle = nil
	p.serve()
}

// signalIfEmpty notices that a draining pool holds nothing any more.
func (p *Pool[R]) signalIfEmpty() {
	if !p.draining || len(p.idle)+len(p.busy)+p.queue.len()+len(p.leaving.open)+p.opening > 0 {
		return
	}
	if !p.ended {
		p.ended = true
		close(p.quiet)
	}
}

// Close refuses new users and those who wait, and kills everything at once, also what is in use.
func (p *Pool[R]) Close() {
	p.mu.Lock()
	defer p.unlock()
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

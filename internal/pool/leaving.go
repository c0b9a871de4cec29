package pool

import "time"

// How long a resource may take to be closed politely, and when the pool ends, which its user waits for.
const (
	goodbye     = 5 * time.Second
	lastGoodbye = 2 * time.Second
)

// farewells are the resources that are being closed politely. They are open as long as that takes, so they
// count for MaxOpen; when a user waits for the place, the one that has taken longest is killed.
type farewells[R any] struct {
	open   map[*Lease[R]]bool // true once it was killed
	killed int                // of open
	polite []*Lease[R]        // those that were not killed, the oldest first; some may be closed by now
}

// add notes a resource whose closing begins. One that makes room for another pool is not killed for that: the provider
// counts it until it has seen the end.
func (f *farewells[R]) add(l *Lease[R], why Reason) {
	f.open[l] = false
	if why != MakesRoom {
		f.polite = append(f.polite, l)
	}
}

// remove notes that a resource is closed.
func (f *farewells[R]) remove(l *Lease[R]) {
	if f.open[l] {
		f.killed--
	}
	delete(f.open, l)
	for len(f.polite) > 0 && !f.has(f.polite[0]) {
		f.polite = f.polite[1:]
	}
}

func (f *farewells[R]) has(l *Lease[R]) bool {
	_, ok := f.open[l]
	return ok
}

// oldest returns the resource that has taken longest, for the caller to kill; nil when all were killed.
func (f *farewells[R]) oldest() *Lease[R] {
	for len(f.polite) > 0 {
		l := f.polite[0]
		f.polite = f.polite[1:]
		if f.has(l) {
			f.open[l] = true
			f.killed++
			return l
		}
	}
	return nil
}

// bury closes a resource politely, in a goroutine of its own. Its place is free when it is closed.
func (p *Pool[R]) bury(l *Lease[R], why Reason) {
	p.stats.Closed++
	if p.killed {
		p.options.Kill(l.value)
		p.note(l, Closing)
		return
	}
	p.note(l, why)
	p.leaving.add(l, why)
	patience := goodbye
	if p.draining || why == MakesRoom {
		patience = lastGoodbye
	}
	go func() {
		limit := time.AfterFunc(patience, func() { p.options.Kill(l.value) })
		p.tell(func() { p.options.Close(l.value) })
		limit.Stop()
		p.mu.Lock()
		defer p.unlock()
		p.leaving.remove(l)
		p.serve()
	}()
}

// hurry kills as many resources that are being closed as users wait for their places.
func (p *Pool[R]) hurry() {
	if p.queue.len() == 0 || len(p.leaving.polite) == 0 {
		return
	}
	for n := min(p.queue.len(), len(p.leaving.open)) - p.leaving.killed; n > 0; n-- {
		l := p.leaving.oldest()
		if l == nil {
			return
		}
		p.options.Kill(l.value)
	}
}

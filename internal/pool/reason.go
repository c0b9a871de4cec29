package pool

import (
	"sync"

	"github.com/depeche-mail/depeche/internal/panics"
)

// Reason says why a resource was given up.
type Reason string

// The reasons.
const (
	Spent       Reason = "no longer usable"
	Dead        Reason = "ended while idle"
	TooIdle     Reason = "idle for IdleTimeout"
	TooOld      Reason = "as old as MaxAge"
	TooMany     Reason = "more than the server bears"
	TooManyIdle Reason = "more idle than MaxIdle"
	MakesRoom   Reason = "makes room for a new one"
	Closing     Reason = "the transport is closed"
)

// news is a resource that was given up.
type news[R any] struct {
	value R
	why   Reason
}

// note keeps what Left is told when the lock is free.
func (p *Pool[R]) note(l *Lease[R], why Reason) {
	if p.options.Left != nil {
		p.news = append(p.news, news[R]{l.value, why})
	}
}

// unlock frees the lock, and tells what has happened under it, in whatever pool of the group.
func (p *Pool[R]) unlock() {
	list := p.group.leave()
	p.mu.Unlock()
	for _, t := range list {
		for _, l := range t.lessons {
			t.to.tell(func() { t.to.options.Learned(l.most, l.cause) })
		}
		for _, n := range t.news {
			t.to.tell(func() { t.to.options.Left(n.value, n.why) })
		}
	}
}

// tell runs an observer, or Close, in a goroutine that it may end, and keeps what it did not return from. The one who calls
// tell may be the user of another pool, a user in the middle of a Get, or a timer: none of them can let it go on.
func (p *Pool[R]) tell(observer func()) {
	var caught panics.Catcher
	var told sync.WaitGroup
	told.Go(func() { caught.Do(observer) })
	told.Wait()
	if caught.Caught() {
		p.caught.CompareAndSwap(nil, &caught)
	}
}

// rethrow lets what an observer did not return from go on, once. The caller holds nothing.
func (p *Pool[R]) rethrow() {
	if caught := p.caught.Swap(nil); caught != nil {
		caught.Rethrow()
	}
}

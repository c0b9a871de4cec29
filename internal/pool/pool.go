package pool

import (
	"container/list"
	"context"
	"errors"
	"sync"
	"time"

	"github.com/depeche-mail/depeche/internal/expired"
)

// Errors of Get.
var (
	// ErrClosed means that Shutdown or Close was called before.
	ErrClosed = errors.New("pool is closed")
	// ErrBusy means that as many users wait already as may.
	ErrBusy = errors.New("as many wait for one as MaxWaiting allows")
)

// Options say how a pool behaves. Open, Close and Kill are required.
type Options[R any] struct {
	MaxOpen     int           // resources at once: busy, idle, being opened and being closed; at least 1
	MaxIdle     int           // idle resources that are kept
	MinIdle     int           // idle resources that are opened ahead of need
	MaxWaiting  int           // users that may wait; 0 for any number
	IdleTimeout time.Duration // how long a resource may be idle; 0 for any time
	MaxAge      time.Duration // how old a resource may get; 0 for any age
	Closed      error         // what Get returns after Shutdown or Close; nil for ErrClosed

	// Open makes a resource.
	Open func(ctx context.Context) (R, error)
	// Usable reports whether a resource that comes back may be kept. It must not block; nil means
	// always.
	Usable func(R) bool
	// Alive takes a closer look at one that is usable, before it is handed out once more. It must not
	// block; nil means always.
	Alive func(R) bool
	// Close gives a resource back politely; it may block for a moment and runs in a goroutine of its
	// own.
	Close func(R)
	// Kill ends a resource at once, also one in use.
	Kill func(R)
}

// Pool shares resources. It is safe for concurrent use.
type Pool[R any] struct {
	options Options[R]

	mu       sync.Mutex
	idle     []*Lease[R] // the most recently used last
	busy     map[*Lease[R]]struct{}
	opening  int
	leaving  farewells[R]
	waiters  list.List // of *waiter[R], in order of arrival
	draining bool
	killed   bool
	failures int       // of Open since its last success
	retry    time.Time // when Open may be tried again after a failure
	reaper   *time.Timer
	ctx      context.Context // of resources that are opened ahead of need
	cancel   context.CancelFunc
	quiet    chan struct{} // closed when a draining pool holds nothing any more
	stats    Stats
}

// waiter is a user in the queue. It is given a resource, the right to open one, or an error.
type waiter[R any] struct {
	ready chan struct{} // closed when w has left the queue
	place *list.Element // in the queue
	lease *Lease[R]
	err   error
}

// New returns an empty pool.
func New[R any](options Options[R]) *Pool[R] {
	options.MaxOpen = max(options.MaxOpen, 1)
	if options.Closed == nil {
		options.Closed = ErrClosed
	}
	for _, ask := range []*func(R) bool{&options.Usable, &options.Alive} {
		if *ask == nil {
			*ask = func(R) bool { return true }
		}
	}
	p := &Pool[R]{options: options, busy: map[*Lease[R]]struct{}{}, leaving: farewells[R]{open: map[*Lease[R]]bool{}}, quiet: make(chan struct{})}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	p.mu.Lock()
	defer p.mu.Unlock()
	p.warm()
	return p
}

// Get returns a resource that belongs to the caller until Release or Discard. It blocks until there
// is one, ctx ends, or the pool is closed.
func (p *Pool[R]) Get(ctx context.Context) (*Lease[R], error) { return p.get(ctx, p.takeIdle) }

// Fresh is Get for a user whose last resource turned out to be dead: it opens one, in the place of an
// idle one where it must. Only when all are in use it may get one that was used before.
func (p *Pool[R]) Fresh(ctx context.Context) (*Lease[R], error) {
	return p.get(ctx, func() *Lease[R] {
		if len(p.idle) > 0 && !p.mayOpen() {
			p.stats.Closed++
			p.options.Kill(p.idle[0].value) // politely would be too late for this user
			p.idle = p.idle[1:]
		}
		return nil
	})
}

func (p *Pool[R]) get(ctx context.Context, takeIdle func() *Lease[R]) (*Lease[R], error) {
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	p.mu.Lock()
	if p.draining {
		p.mu.Unlock()
		return nil, p.options.Closed
	}
	if p.waiters.Len() == 0 {
		if lease := takeIdle(); lease != nil {
			p.warm()
			p.mu.Unlock()
			return lease, nil
		}
		if p.mayOpen() {
			p.opening++
			p.mu.Unlock()
			return p.open(ctx)
		}
	}
	if p.options.MaxWaiting > 0 && p.waiters.Len() >= p.options.MaxWaiting {
		p.mu.Unlock()
		return nil, ErrBusy
	}
	w := &waiter[R]{ready: make(chan struct{})}
	w.place = p.waiters.PushBack(w)
	p.hurry()
	p.stats.Waits++
	p.mu.Unlock()
	return p.await(ctx, w)
}

// await blocks until w is served or ctx ends.
func (p *Pool[R]) await(ctx context.Context, w *waiter[R]) (*Lease[R], error) {
	start := time.Now()
	select {
	case <-w.ready:
	case <-ctx.Done():
		if p.leave(w) {
			return nil, context.Cause(ctx)
		}
		<-w.ready // it was served in the same moment
	}
	p.mu.Lock()
	p.stats.WaitTime += time.Since(start)
	p.mu.Unlock()
	switch {
	case w.err != nil:
		return nil, w.err
	case w.lease == nil:
		return p.open(ctx)
	}
	return w.lease, nil
}

// leave takes w out of the queue and reports whether it was still there.
func (p *Pool[R]) leave(w *waiter[R]) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-w.ready:
		return false
	default:
	}
	p.waiters.Remove(w.place)
	p.settle()
	return true
}

// mayOpen reports whether one more resource may be opened now; while opening fails, one at a time.
func (p *Pool[R]) mayOpen() bool {
	return len(p.idle)+len(p.busy)+len(p.leaving.open)+p.opening < p.options.MaxOpen && (p.failures == 0 || p.opening == 0)
}

// open opens a resource for the caller, who has counted it in opening.
func (p *Pool[R]) open(ctx context.Context) (*Lease[R], error) {
	returned := false
	defer func() {
		if !returned { // Open panicked, in the goroutine of the user: the place is free for others
			p.mu.Lock()
			defer p.mu.Unlock()
			p.opening--
			p.serve()
		}
	}()
	value, err := p.attempt(ctx)
	returned = true
	p.mu.Lock()
	defer p.mu.Unlock()
	lease, err := p.opened(ctx, value, err)
	if err == nil {
		p.busy[lease] = struct{}{}
		p.serve()
	}
	return lease, err
}

// opened takes note of the end of an attempt.
func (p *Pool[R]) opened(ctx context.Context, value R, err error) (*Lease[R], error) {
	p.opening--
	if err != nil {
		p.openFailed(ctx, err)
		return nil, err
	}
	p.failures, p.retry = 0, time.Time{}
	p.stats.Opened++
	lease := &Lease[R]{pool: p, value: value, born: time.Now()}
	if p.killed {
		p.bury(lease)
		return nil, p.options.Closed
	}
	return lease, nil
}

// attempt waits until the pause after a failure is over, and calls Open.
func (p *Pool[R]) attempt(ctx context.Context) (R, error) {
	p.mu.Lock()
	pause := time.Until(p.retry)
	p.mu.Unlock()
	if pause > 0 {
		timer := time.NewTimer(pause)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			var none R
			return none, context.Cause(ctx)
		}
	}
	return p.options.Open(ctx)
}

// The pause after the second failure in a row, and the longest.
const (
	firstPause   = 50 * time.Millisecond
	longestPause = 5 * time.Second
)

// openFailed notes a failure. Users who wait because of it share it, unless it was the ctx of the
// one who tried.
func (p *Pool[R]) openFailed(ctx context.Context, err error) {
	if expired.Cause(ctx) != nil {
		p.serve()
		return
	}
	p.stats.Failed++
	p.failures++
	if p.failures > 1 {
		p.retry = time.Now().Add(min(firstPause<<min(p.failures-2, 10), longestPause))
	}
	if len(p.busy) > 0 {
		p.serve() // a resource in use will come back
		return
	}
	p.refuse(err)
	p.settle()
}

// refuse ends all users who wait, with an error.
func (p *Pool[R]) refuse(err error) {
	for e := p.waiters.Front(); e != nil; e = e.Next() {
		w := e.Value.(*waiter[R]) //nolint:forcetypeassert // the list holds nothing else
		w.err = err
		close(w.ready)
	}
	p.waiters.Init()
}

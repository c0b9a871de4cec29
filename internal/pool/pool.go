package pool

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/depeche-mail/depeche/internal/panics"
	"github.com/depeche-mail/depeche/internal/pause"
)

// Errors of Get.
var (
	// ErrClosed means that Shutdown or Close was called before.
	ErrClosed = errors.New("pool is closed")
	// ErrBusy means that as many users wait already as may. It is temporary.
	ErrBusy error = busy{}
)

type busy struct{}

func (busy) Error() string { return "as many wait for one as MaxWaiting allows" }

// Temporary is true: connections are given back.
func (busy) Temporary() bool { return true }

// Options say how a pool behaves. Open, Close and Kill are required.
type Options[R any] struct {
	MaxOpen     int           // resources at once: busy, idle, being opened and being closed; at least 1
	MaxIdle     int           // idle resources that are kept
	MinIdle     int           // idle resources that are opened ahead of need
	MaxWaiting  int           // users that may wait; 0 for any number
	IdleTimeout time.Duration // how long a resource may be idle; 0 for any time
	MaxAge      time.Duration // how old a resource may get; 0 for any age
	OneFirst    bool          // while none is open, one at a time is opened: others follow when it is
	Group       *Group[R]     // pools of the same provider; nil for one of its own
	Closed      error         // what Get returns after Shutdown or Close; nil for ErrClosed

	// Open makes a resource. Ahead does when no user waits for it; nil means Open.
	Open, Ahead func(ctx context.Context) (R, error)
	// Judge says what a failure of Open means for others; nil means FailureLasting. It must not block.
	Judge func(error) Failure
	// Learned is told when a refusal lowers how many resources may be open, and why; nil for the reason when more are found
	// to be borne, and 0 when it is forgotten. Nil means that nothing is told.
	//
	// Learned, Left and Close are called without a lock, in a goroutine of their own. When one does not return (it panics, or
	// calls runtime.Goexit), the call or timer from which it came goes on as if it had; the next Get of this pool panics, or
	// exits, before it takes anything.
	Learned func(most int, cause error)
	// Usable reports whether a resource that comes back may be kept. It must not block; nil means
	// always.
	Usable func(R) bool
	// Alive takes a closer look at one that is usable, before it is handed out once more. It must not
	// block; nil means always.
	Alive func(R) bool
	// Close gives a resource back politely; it may block for a moment.
	Close func(R)
	// Kill ends a resource at once, also one in use.
	Kill func(R)
	// Left is told of each resource that is given up, and why, as Learned is. Nil means that nothing is told.
	Left func(R, Reason)
}

// Pool shares resources. It is safe for concurrent use.
type Pool[R any] struct {
	options Options[R]

	group    *Group[R]
	mu       *sync.Mutex // of the group
	turn     uint64      // of the group, when a user of this pool was served last
	idle     []*Lease[R] // the most recently used last
	busy     map[*Lease[R]]struct{}
	opening  int
	leaving  farewells[R]
	queue    queue[R]
	limit    *limit // of the group
	draining bool
	killed   bool
	failures int       // of Open since its last success
	retry    time.Time // when Open may be tried again after a failure
	refusals int       // of all who wait
	refusal  error     // the last one
	reaper   *time.Timer
	ctx      context.Context // of resources that are opened ahead of need
	cancel   context.CancelFunc
	quiet    chan struct{} // closed when a draining pool holds nothing any more
	stats    Stats
	nudger   *time.Timer
	news     []news[R]                      // for Left, as soon as the lock is free
	lessons  []lesson                       // for Learned
	ended    bool                           // quiet is closed
	inUse    bool                           // Open may be called
	caught   atomic.Pointer[panics.Catcher] // the first that an observer did not return from since the last Get
}

// New returns an empty pool. It calls none of the functions.
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
	if options.Ahead == nil {
		p.options.Ahead = options.Open
	}
	if options.Group == nil {
		options.Group = new(Group[R])
	}
	options.Group.join(p) // at last: from now on others of the group see it
	return p
}

// Start opens the first resources ahead of need. Open may be called from then on, so what it uses is there.
func (p *Pool[R]) Start() {
	p.mu.Lock()
	defer p.unlock()
	p.inUse = true
	p.warm()
}

// Get returns a resource that belongs to the caller until Release or Discard. It blocks until there
// is one, ctx ends, or the pool is closed.
func (p *Pool[R]) Get(ctx context.Context) (*Lease[R], error) {
	return p.get(ctx, wish[R]{})
}

// Fresh is Get for a user whose last resource turned out to be dead: it opens one, in the place of the idle one that was
// used longest ago when there is no other place. It may get one that was used before when all are in use, or when
// opening fails.
func (p *Pool[R]) Fresh(ctx context.Context) (*Lease[R], error) {
	return p.get(ctx, wish[R]{fresh: true})
}

// makeRoom gives up an idle resource where that is what keeps another one from being opened.
func (p *Pool[R]) makeRoom() {
	if len(p.idle) == 0 || p.failures > 0 || p.room() > 0 {
		return
	}
	all := p.idle
	p.idle = all[1:]
	if !p.mayOpen() {
		p.idle = all
		return
	}
	p.stats.Closed++
	p.options.Kill(all[0].value) // politely would be too late for this user
	p.note(all[0], MakesRoom)
}

// wish is what a user asks for.
type wish[R any] struct {
	bulk    *Bulk[R] // nil for a single user
	fresh   bool     // one that was not used before
	again   bool     // the user was refused, when there had been as many
	refused int      // refusals of all who wait
}

func (p *Pool[R]) get(ctx context.Context, wish wish[R]) (*Lease[R], error) {
	p.rethrow()
	bulk, fresh := wish.bulk, wish.fresh
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	p.mu.Lock()
	p.inUse = true
	if p.draining {
		p.unlock()
		return nil, p.options.Closed
	}
	if wish.again && wish.refused != p.refusals {
		err := p.refusal
		p.unlock()
		return nil, err
	}
	if p.queue.len() == 0 {
		if fresh {
			p.makeRoom()
		}
		if !fresh || !p.mayOpen() {
			if lease := p.takeIdle(); lease != nil {
				p.lend(lease, bulk)
				p.warm()
				p.unlock()
				return lease, nil
			}
		}
		if p.mayOpen() {
			p.begin(bulk)
			p.unlock()
			return p.open(ctx, bulk)
		}
	}
	if bulk == nil && p.options.MaxWaiting > 0 && p.queue.single.Len() >= p.options.MaxWaiting+p.followers() {
		p.unlock()
		return nil, ErrBusy
	}
	w := p.wait(bulk, false)
	p.makeRoomInGroup()
	p.hurry()
	p.nudge()
	p.unlock()
	return p.await(ctx, w)
}

// wait puts a user into the queue.
func (p *Pool[R]) wait(bulk *Bulk[R], front bool) *waiter[R] {
	w := &waiter[R]{ready: make(chan struct{}), bulk: bulk}
	p.queue.add(w, front)
	p.stats.Waits++
	return w
}

// begin counts the opening of a resource for a user.
func (p *Pool[R]) begin(bulk *Bulk[R]) {
	p.opening++
	if bulk != nil {
		bulk.held++
	}
}

// opens undoes begin.
func (p *Pool[R]) opens(bulk *Bulk[R]) {
	p.opening--
	if bulk != nil {
		bulk.held--
	}
}

// lend notes that a resource belongs to a user from now on.
func (p *Pool[R]) lend(l *Lease[R], bulk *Bulk[R]) {
	p.busy[l] = struct{}{}
	if bulk != nil {
		l.bulk, l.got = bulk, time.Now()
		bulk.held++
	}
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
	p.unlock()
	switch {
	case w.err != nil:
		return nil, w.err
	case w.lease == nil:
		return p.open(ctx, w.bulk)
	}
	return w.lease, nil
}

// leave takes w out of the queue and reports whether it was still there.
func (p *Pool[R]) leave(w *waiter[R]) bool {
	p.mu.Lock()
	defer p.unlock()
	select {
	case <-w.ready:
		return false
	default:
	}
	p.queue.remove(w)
	p.signalIfEmpty()
	return true
}

// room is how many more resources may be open, as far as their number decides.
func (p *Pool[R]) room() int {
	n := p.group.count()
	return max(p.most()-n.open-n.opening-n.leaving, 0)
}

// waitsForFirst reports whether the first resource is being opened, and the others follow when it is open.
func (p *Pool[R]) waitsForFirst() bool {
	n := p.group.count()
	return p.options.OneFirst && n.opening > 0 && n.open == 0
}

// followers is how many users wait for the first resource alone: there is room for theirs.
func (p *Pool[R]) followers() int {
	if p.waitsForFirst() {
		return p.room()
	}
	return 0
}

// mayOpen reports whether one more resource may be opened now. While opening fails, one at a time may, and beside
// others only after a pause.
func (p *Pool[R]) mayOpen() bool { return p.room() > 0 && p.mayTry() }

// mayTry is mayOpen without regard to how many are open.
func (p *Pool[R]) mayTry() bool {
	switch {
	case p.waitsForFirst():
		return false
	case p.failures == 0:
		return true
	}
	return p.opening == 0 && (len(p.idle)+len(p.busy) == 0 || !time.Now().Before(p.retry))
}

// open opens a resource for the caller, who has counted it in opening. A caller who met a failure that may pass waits for
// another resource, before all others.
func (p *Pool[R]) open(ctx context.Context, bulk *Bulk[R]) (*Lease[R], error) {
	returned := false
	defer func() {
		if !returned { // Open panicked, in the goroutine of the user: the place is free for others
			p.mu.Lock()
			defer p.unlock()
			p.opens(bulk)
			p.serve()
		}
	}()
	value, err := p.attempt(ctx, p.options.Open)
	returned = true
	p.mu.Lock()
	lease, wait, err := p.opened(ctx, bulk, value, err)
	var w *waiter[R]
	switch {
	case err == nil:
		p.lend(lease, bulk)
	case wait:
		w = p.wait(bulk, true)
	}
	p.serve()
	p.unlock()
	if w != nil {
		return p.await(ctx, w)
	}
	return lease, err
}

// opened takes note of the end of an attempt. wait says that its user waits for another resource. The caller serves
// afterwards: a place may be free, or the pool empty.
func (p *Pool[R]) opened(ctx context.Context, bulk *Bulk[R], value R, err error) (lease *Lease[R], wait bool, failed error) {
	p.opens(bulk)
	if err != nil {
		return nil, p.openFailed(ctx, err), err
	}
	p.failures, p.retry = 0, time.Time{}
	p.stats.Opened++
	p.bears(p.group.count().open + 1)
	lease = &Lease[R]{pool: p, value: value, born: time.Now()}
	if p.killed {
		p.bury(lease, Closing)
		return nil, false, p.options.Closed
	}
	return lease, false, nil
}

// attempt waits until the pause after a failure is over, and calls open.
func (p *Pool[R]) attempt(ctx context.Context, open func(context.Context) (R, error)) (R, error) {
	p.mu.Lock()
	wait := time.Until(p.retry)
	p.unlock()
	if err := pause.For(ctx, wait); err != nil {
		var none R
		return none, err
	}
	return open(ctx)
}

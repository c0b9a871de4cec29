package pool_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/depeche-mail/depeche/internal/pool"
	"github.com/google/go-cmp/cmp"
)

// thing is a pooled resource that counts what happens to it.
type thing struct {
	id             int
	closed, killed atomic.Bool
	dead           atomic.Bool
}

// maker makes things and fails as long as err is set.
type maker struct {
	mu     sync.Mutex
	made   []*thing
	err    error
	opens  int
	gate   chan struct{} // Open waits for it, when not nil
	active int
	most   int
}

func (m *maker) open(ctx context.Context) (*thing, error) {
	m.mu.Lock()
	m.opens++
	m.active++
	m.most = max(m.most, m.active)
	gate := m.gate
	m.mu.Unlock()
	defer func() {
		m.mu.Lock()
		m.active--
		m.mu.Unlock()
	}()
	if gate != nil {
		select {
		case <-gate:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err != nil {
		return nil, m.err
	}
	t := &thing{id: len(m.made)}
	m.made = append(m.made, t)
	return t, nil
}

func (m *maker) pool(o pool.Options[*thing]) *pool.Pool[*thing] {
	o.Open = m.open
	o.Usable = func(t *thing) bool { return !t.dead.Load() }
	o.Close = func(t *thing) { t.closed.Store(true) }
	o.Kill = func(t *thing) { t.killed.Store(true) }
	p := pool.New(o)
	p.Start()
	return p
}

func get(t *testing.T, p *pool.Pool[*thing]) *pool.Lease[*thing] {
	t.Helper()
	l, err := p.Get(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestReusesTheLastUsed(t *testing.T) {
	m := &maker{}
	p := m.pool(pool.Options[*thing]{MaxOpen: 3, MaxIdle: 3})
	a, b := get(t, p), get(t, p)
	if a.Reused() || b.Reused() {
		t.Error("a new resource counts as reused")
	}
	a.Release()
	b.Release()
	if l := get(t, p); l.Value().id != 1 || !l.Reused() {
		t.Errorf("got resource %d", l.Value().id)
	}
	m.made[0].dead.Store(true)
	if l := get(t, p); l.Value().id != 2 {
		t.Errorf("got resource %d, which is dead or busy", l.Value().id)
	}
	want := pool.Stats{Busy: 2, Opened: 3, Reused: 1, Closed: 1}
	if diff := cmp.Diff(want, p.Stats()); diff != "" {
		t.Error(diff)
	}
}

// TestSpentIsGivenUpAtOnce: a resource that cannot be used any more is not kept until its place is needed.
func TestSpentIsGivenUpAtOnce(t *testing.T) {
	m := &maker{}
	p := m.pool(pool.Options[*thing]{MaxOpen: 2, MaxIdle: 2})
	l := get(t, p)
	m.made[0].dead.Store(true)
	l.Release()
	if s := p.Stats(); s.Idle != 0 || s.Closed != 1 {
		t.Errorf("%+v", s)
	}
}

// TestAlive: the closer look is taken before a resource is handed out, and only then.
func TestAlive(t *testing.T) {
	m := &maker{}
	looks, alive := 0, true
	p := m.pool(pool.Options[*thing]{MaxOpen: 1, MaxIdle: 1, Alive: func(*thing) bool {
		looks++
		return alive
	}})
	get(t, p).Release()
	if looks != 0 {
		t.Errorf("%d looks at a resource that was new", looks)
	}
	get(t, p).Release()
	alive = false
	if l := get(t, p); l.Value().id != 1 || looks != 2 {
		t.Errorf("got resource %d after %d looks", l.Value().id, looks)
	}
}

func TestWaitersAreServedInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &maker{}
		p := m.pool(pool.Options[*thing]{MaxOpen: 1, MaxIdle: 1, MaxWaiting: 3})
		first := get(t, p)
		var mu sync.Mutex
		var order []int
		var users sync.WaitGroup
		for i := range 3 {
			users.Go(func() {
				l := get(t, p)
				mu.Lock()
				order = append(order, i)
				mu.Unlock()
				l.Release()
			})
			synctest.Wait() // it stands in the queue
		}
		if _, err := p.Get(t.Context()); !errors.Is(err, pool.ErrBusy) {
			t.Errorf("a fourth waiter: %v", err)
		}
		time.Sleep(time.Second)
		first.Release()
		users.Wait()
		if diff := cmp.Diff([]int{0, 1, 2}, order); diff != "" {
			t.Error(diff)
		}
		if s := p.Stats(); s.Waits != 3 || s.WaitTime != 3*time.Second || s.Opened != 1 {
			t.Errorf("stats %+v", s)
		}
	})
}

func TestWaitEndsWithContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &maker{}
		p := m.pool(pool.Options[*thing]{MaxOpen: 1, MaxIdle: 1})
		l := get(t, p)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := p.Get(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		if s := p.Stats(); s.Waiting != 0 {
			t.Errorf("%d still wait", s.Waiting)
		}
		l.Release()
		if got := get(t, p); got.Value() != l.Value() {
			t.Error("the resource was lost to a user who had left")
		}
	})
}

func TestNeverMoreThanMaxOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &maker{}
		p := m.pool(pool.Options[*thing]{MaxOpen: 4, MaxIdle: 2})
		var users sync.WaitGroup
		var busy, most atomic.Int32
		for i := range 64 {
			users.Go(func() {
				for range 5 {
					l := get(t, p)
					n := busy.Add(1)
					for {
						if old := most.Load(); n <= old || most.CompareAndSwap(old, n) {
							break
						}
					}
					time.Sleep(time.Duration(i) * time.Millisecond)
					busy.Add(-1)
					if i%7 == 0 {
						l.Discard()
					} else {
						l.Release()
					}
				}
			})
		}
		users.Wait()
		synctest.Wait()
		if most.Load() != 4 {
			t.Errorf("%d at once", most.Load())
		}
		if s := p.Stats(); s.Idle > 2 || s.Busy != 0 || s.Idle+s.Closed != s.Opened {
			t.Errorf("stats %+v", s)
		}
	})
}

func TestExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &maker{}
		p := m.pool(pool.Options[*thing]{MaxOpen: 2, MaxIdle: 2, IdleTimeout: time.Minute, MaxAge: 90 * time.Second})
		get(t, p).Release()
		time.Sleep(59 * time.Second)
		get(t, p).Release() // 59 s old, idle from now
		time.Sleep(30 * time.Second)
		synctest.Wait()
		if m.made[0].closed.Load() {
			t.Fatal("closed too early")
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if !m.made[0].closed.Load() || p.Stats().Idle != 0 {
			t.Error("90 s old and not closed")
		}
		get(t, p).Release()
		time.Sleep(time.Minute)
		synctest.Wait()
		if !m.made[1].closed.Load() {
			t.Error("idle for a minute and not closed")
		}
	})
}

func TestMinIdleIsKeptWarm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &maker{}
		p := m.pool(pool.Options[*thing]{MaxOpen: 3, MaxIdle: 3, MinIdle: 2, IdleTimeout: time.Hour})
		synctest.Wait()
		if s := p.Stats(); s.Idle != 2 {
			t.Fatalf("stats %+v", s)
		}
		l := get(t, p)
		if l.Reused() {
			t.Error("a warm resource was never used before")
		}
		synctest.Wait()
		if s := p.Stats(); s.Idle != 2 || s.Busy != 1 {
			t.Errorf("stats %+v", s)
		}
		l.Release()
		if err := p.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// TestNewOpensNothing: what Open uses may be made after New; opening ahead of need begins with Start.
func TestNewOpensNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		opens := 0
		p := pool.New(pool.Options[int]{
			MaxOpen: 1, MaxIdle: 1, MinIdle: 1,
			Open: func(context.Context) (int, error) {
				opens++
				return opens, nil
			},
			Close: func(int) {}, Kill: func(int) {},
		})
		synctest.Wait()
		if opens != 0 {
			t.Error("opened before Start")
		}
		p.Start()
		synctest.Wait()
		if opens != 1 {
			t.Errorf("opened %d", opens)
		}
		if err := p.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestFailureIsSharedAndFollowedByAPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := errors.New("down")
		m := &maker{err: down, gate: make(chan struct{})}
		p := m.pool(pool.Options[*thing]{MaxOpen: 8, MaxIdle: 8})
		try := func() {
			if _, err := p.Get(t.Context()); !errors.Is(err, down) {
				t.Errorf("got %v", err)
			}
		}
		var users sync.WaitGroup
		users.Go(try)
		synctest.Wait()
		m.gate <- struct{}{} // the first failure
		users.Wait()
		for range 20 {
			users.Go(try)
		}
		synctest.Wait()
		if m.most != 1 || m.opens != 2 {
			t.Errorf("%d tries, %d at once; want 2, 1", m.opens, m.most)
		}
		close(m.gate)
		users.Wait()
		start := time.Now()
		for range 3 {
			try()
		}
		if pause := time.Since(start); pause != 50*time.Millisecond+100*time.Millisecond+200*time.Millisecond {
			t.Errorf("paused for %v", pause)
		}
		m.mu.Lock()
		m.err = nil
		m.mu.Unlock()
		get(t, p)
		start = time.Now()
		get(t, p)
		if pause := time.Since(start); pause != 0 {
			t.Errorf("paused for %v after a success", pause)
		}
	})
}

func TestShutdownFinishesWhatIsUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &maker{}
		p := m.pool(pool.Options[*thing]{MaxOpen: 1, MaxIdle: 1})
		busy := get(t, p)
		var users sync.WaitGroup
		users.Go(func() { // it waits already and is served
			l := get(t, p)
			time.Sleep(time.Second)
			l.Release()
		})
		synctest.Wait()
		var down sync.WaitGroup
		down.Go(func() {
			if err := p.Shutdown(t.Context()); err != nil {
				t.Error(err)
			}
		})
		synctest.Wait()
		if _, err := p.Get(t.Context()); !errors.Is(err, pool.ErrClosed) {
			t.Errorf("a late user: %v", err)
		}
		busy.Release()
		users.Wait()
		down.Wait()
		if !m.made[0].closed.Load() || m.made[0].killed.Load() || len(m.made) != 1 {
			t.Error("not closed politely")
		}
	})
}

func TestShutdownKillsWhenContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &maker{}
		p := m.pool(pool.Options[*thing]{MaxOpen: 2, MaxIdle: 2})
		busy := get(t, p)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := p.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		if !m.made[0].killed.Load() {
			t.Error("not killed")
		}
		busy.Discard()
	})
}

func TestCloseEndsWaitersAndOpeners(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &maker{gate: make(chan struct{})}
		p := m.pool(pool.Options[*thing]{MaxOpen: 1, MaxIdle: 1})
		var users sync.WaitGroup
		for range 3 {
			users.Go(func() {
				if _, err := p.Get(t.Context()); !errors.Is(err, pool.ErrClosed) {
					t.Errorf("got %v", err)
				}
			})
		}
		synctest.Wait()
		p.Close()
		close(m.gate)
		users.Wait()
		if !m.made[0].killed.Load() {
			t.Error("what was opened during Close was kept")
		}
	})
}

// TestShutdownAfterCloseWhileOpening: Shutdown returns when a resource that was being opened when Close came is there, and when
// the attempt failed.
func TestShutdownAfterCloseWhileOpening(t *testing.T) {
	for name, failure := range map[string]error{"opened": nil, "failed": errors.New("down")} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := &maker{gate: make(chan struct{}), err: failure}
				p := m.pool(pool.Options[*thing]{MaxOpen: 1, MaxIdle: 1})
				var users sync.WaitGroup
				users.Go(func() {
					if _, err := p.Get(t.Context()); err == nil {
						t.Error("got a resource of a closed pool")
					}
				})
				synctest.Wait()
				p.Close()
				users.Go(func() {
					ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
					defer cancel()
					if err := p.Shutdown(ctx); err != nil {
						t.Errorf("Shutdown: %v", err)
					}
				})
				synctest.Wait() // it waits for the attempt
				close(m.gate)
				users.Wait()
			})
		})
	}
}

// TestOneFirst: while none is open, one at a time is opened, and users who wait for it alone do not count for MaxWaiting.
func TestOneFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &maker{gate: make(chan struct{})}
		p := m.pool(pool.Options[*thing]{MaxOpen: 3, MaxIdle: 3, MaxWaiting: 1, OneFirst: true})
		var users sync.WaitGroup
		done := make(chan struct{})
		for range 4 {
			users.Go(func() {
				l := get(t, p)
				<-done
				l.Release()
			})
		}
		synctest.Wait()
		if s := p.Stats(); s.Opening != 1 || s.Waiting != 3 {
			t.Errorf("%v; want one to be opened and three to wait", s)
		}
		if _, err := p.Get(t.Context()); !errors.Is(err, pool.ErrBusy) {
			t.Errorf("a fifth user: %v", err)
		}
		m.gate <- struct{}{}
		synctest.Wait() // the first is open
		if s := p.Stats(); s.Busy != 1 || s.Opening != 2 || s.Waiting != 1 {
			t.Errorf("%v; want two to follow the first", s)
		}
		close(m.gate)
		close(done)
		users.Wait()
	})
}

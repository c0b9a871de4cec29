package pool_test

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/depeche-mail/depeche/internal/pool"
)

// slow makes things whose polite closing never ends by itself, and counts how many are open at once.
type slow struct {
	mu         sync.Mutex
	open, most int
	killed     []chan struct{}
}

func (s *slow) pool(maxOpen int) *pool.Pool[int] {
	return pool.New(pool.Options[int]{
		MaxOpen: maxOpen, MaxIdle: 0,
		Open: func(context.Context) (int, error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.open++
			s.most = max(s.most, s.open)
			s.killed = append(s.killed, make(chan struct{}))
			return len(s.killed) - 1, nil
		},
		Close: func(i int) {
			s.mu.Lock()
			killed := s.killed[i]
			s.mu.Unlock()
			<-killed
			s.mu.Lock()
			defer s.mu.Unlock()
			s.open--
		},
		Kill: func(i int) {
			s.mu.Lock()
			defer s.mu.Unlock()
			select {
			case <-s.killed[i]:
			default:
				close(s.killed[i])
			}
		},
	})
}

// TestLeavingCounts: what is being closed counts for MaxOpen. A user who waits for its place gets it at once;
// without one it is killed after a while.
func TestLeavingCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &slow{}
		p := s.pool(2)
		start := time.Now()
		for range 1500 {
			l, err := p.Get(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			l.Discard()
		}
		if s.most > 2 || time.Since(start) > 0 {
			t.Errorf("%d open at once, in %v", s.most, time.Since(start))
		}
		time.Sleep(5*time.Second + time.Millisecond)
		synctest.Wait()
		if s.open > 0 {
			t.Errorf("%d are still open", s.open)
		}
		if err := p.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// TestPoliteWithoutWaiters: nothing is killed for a place that no user waits for.
func TestPoliteWithoutWaiters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &slow{}
		p := s.pool(3)
		for range 2 {
			l, err := p.Get(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			l.Discard()
		}
		l, err := p.Get(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if s.open != 3 {
			t.Errorf("%d open, want the one in use and two that are being closed", s.open)
		}
		l.Discard()
		p.Close()
	})
}

// TestLastGoodbyes: a pool that ends does not wait for a goodbye longer than 2 s, also for one that began before.
func TestLastGoodbyes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &slow{}
		p := s.pool(2)
		first, err := p.Get(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		second, err := p.Get(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		first.Discard()
		start := time.Now()
		time.AfterFunc(time.Second, second.Release)
		if err := p.Shutdown(t.Context()); err != nil || s.open > 0 {
			t.Errorf("%v, %d are still open", err, s.open)
		}
		if took := time.Since(start); took != 3*time.Second { // second was given back after one
			t.Errorf("it took %v", took)
		}
	})
}

// TestManyGiveUp: 40,000 users whose contexts end together leave in constant time each, and one that stays is
// served in its turn.
func TestManyGiveUp(t *testing.T) {
	const n = 40_000
	m := &maker{}
	p := m.pool(pool.Options[*thing]{MaxOpen: 1, MaxIdle: 1})
	busy := get(t, p)
	ctx, cancel := context.WithCancel(t.Context())
	var users, stayed sync.WaitGroup
	var mu sync.Mutex
	var order []int
	for i := range n {
		if i == n/4 || i == n/2 {
			at := p.Stats().Waiting
			stayed.Go(func() {
				l, err := p.Get(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				order = append(order, i)
				mu.Unlock()
				l.Release()
			})
			for p.Stats().Waiting == at {
				runtime.Gosched()
			}
		}
		users.Go(func() {
			if _, err := p.Get(ctx); !errors.Is(err, context.Canceled) {
				t.Errorf("got %v", err)
			}
		})
	}
	for p.Stats().Waiting < n+2 {
		runtime.Gosched()
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	cancel()
	users.Wait()
	runtime.ReadMemStats(&after)
	if each := (after.TotalAlloc - before.TotalAlloc) / n; each > 1024 {
		t.Errorf("%d octets for each user that leaves", each)
	}
	if s := p.Stats(); s.Waiting != 2 {
		t.Errorf("%d wait", s.Waiting)
	}
	busy.Release()
	stayed.Wait()
	if !slices.IsSorted(order) || len(order) != 2 {
		t.Errorf("order %v", order)
	}
}

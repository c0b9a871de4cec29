package pool_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/depeche-mail/depeche/internal/pool"
	"github.com/google/go-cmp/cmp"
)

// bulk uses a pool as SendAll does, from several workers until ctx ends, and returns how long it had resources.
func bulk(ctx context.Context, t *testing.T, p *pool.Pool[*thing], workers int, each time.Duration) func() time.Duration {
	t.Helper()
	user := p.Bulk()
	var mu sync.Mutex
	var had time.Duration
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for ctx.Err() == nil {
				l, err := user.Get(ctx)
				if err != nil {
					return
				}
				for first := true; ctx.Err() == nil && (first || !l.Wanted()); first = false {
					time.Sleep(each) // of the bubble
					mu.Lock()
					had += each
					mu.Unlock()
				}
				l.Release()
			}
		})
	}
	return func() time.Duration {
		all.Wait()
		return had
	}
}

// TestBulkGivesWay: a single user beside a bulk waits for one unit of its work at most, whatever else waits.
func TestBulkGivesWay(t *testing.T) {
	for _, bulks := range []int{1, 3} {
		synctest.Test(t, func(t *testing.T) {
			m := &maker{}
			p := m.pool(pool.Options[*thing]{MaxOpen: 2, MaxIdle: 2})
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			const each = 10 * time.Millisecond
			var ends []func() time.Duration
			for range bulks {
				ends = append(ends, bulk(ctx, t, p, 4, each))
			}
			for range 20 {
				time.Sleep(1234 * time.Millisecond)
				begin := time.Now()
				l := get(t, p)
				if waited := time.Since(begin); waited > each {
					t.Errorf("%d bulks: it waited for %v", bulks, waited)
				}
				l.Release()
			}
			for _, end := range ends {
				end()
			}
		})
	}
}

// TestBulksShare: several bulks, also of different size, have about as much each, and each worker of one has its turn.
func TestBulksShare(t *testing.T) {
	for _, open := range []int{1, 2, 3, 10} {
		for _, workers := range [][2]int{{10, 10}, {2, 10}, {1, 10}} {
			synctest.Test(t, func(t *testing.T) {
				m := &maker{}
				p := m.pool(pool.Options[*thing]{MaxOpen: open, MaxIdle: open})
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				first := bulk(ctx, t, p, workers[0], 10*time.Millisecond)
				time.Sleep(5 * time.Millisecond)
				second := bulk(ctx, t, p, workers[1], 10*time.Millisecond)
				a, b := first(), second()
				share := float64(a) / float64(a+b)
				low := min(0.4, 0.9*float64(workers[0])/float64(open))
				if share < low || share > 0.6 {
					t.Errorf("%d open, %v workers: the first has %.0f %%", open, workers, 100*share)
				}
			})
		}
	}
}

// TestSinglesDoNotStarveABulk: with singles that never stop coming a bulk has its turn between them.
func TestSinglesDoNotStarveABulk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &maker{}
		p := m.pool(pool.Options[*thing]{MaxOpen: 1, MaxIdle: 1})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		end := bulk(ctx, t, p, 2, 10*time.Millisecond)
		var singles sync.WaitGroup
		for range 5 {
			singles.Go(func() {
				for ctx.Err() == nil {
					if l, err := p.Get(ctx); err == nil {
						time.Sleep(10 * time.Millisecond)
						l.Release()
					}
				}
			})
		}
		singles.Wait()
		if had := end(); had < 20*time.Second {
			t.Errorf("the bulk had %v of a minute", had)
		}
	})
}

// TestNoMoreAreAskedThanWait: one single user makes one worker of a bulk give way, and not all.
func TestNoMoreAreAskedThanWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &maker{}
		p := m.pool(pool.Options[*thing]{MaxOpen: 4, MaxIdle: 4})
		user := p.Bulk()
		var held []*pool.Lease[*thing]
		for range 4 {
			l, err := user.Get(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			held = append(held, l)
		}
		var singles sync.WaitGroup
		singles.Go(func() { get(t, p).Release() })
		synctest.Wait()
		var asked []bool
		for _, l := range held {
			asked = append(asked, l.Wanted())
		}
		if diff := cmp.Diff([]bool{true, false, false, false}, asked); diff != "" {
			t.Error(diff)
		}
		held[0].Release()
		singles.Wait()
		for _, l := range held[1:] {
			if l.Wanted() {
				t.Error("it is wanted, and none waits")
			}
			l.Release()
		}
	})
}

// TestWorkersOfABulkDoNotCountAsWaiting: MaxWaiting is about single users.
func TestWorkersOfABulkDoNotCountAsWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &maker{}
		p := m.pool(pool.Options[*thing]{MaxOpen: 1, MaxIdle: 1, MaxWaiting: 1})
		l := get(t, p)
		user := p.Bulk()
		var users sync.WaitGroup
		for range 3 {
			users.Go(func() {
				l, err := user.Get(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				l.Release()
			})
		}
		synctest.Wait()
		users.Go(func() { get(t, p).Release() })
		synctest.Wait()
		if _, err := p.Get(t.Context()); !errors.Is(err, pool.ErrBusy) {
			t.Errorf("a second one that waits: %v", err)
		}
		l.Release()
		users.Wait()
	})
}

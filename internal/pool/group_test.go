package pool_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/depeche-mail/depeche/internal/pool"
	"github.com/google/go-cmp/cmp"
)

// TestGroupCountsTogether: users of two pools of one provider, as many as there may be, are all served, and no more are open
// than MaxOpen of each, those that are being closed included: the provider never has to refuse one.
func TestGroupCountsTogether(t *testing.T) {
	for bears := 1; bears <= 3; bears++ {
		synctest.Test(t, func(t *testing.T) {
			provider, group := &provider{bears: bears}, new(pool.Group[int])
			o := pool.Options[int]{MaxOpen: bears, MaxIdle: bears, Group: group}
			a, b := provider.pool(o), provider.pool(o)
			var both sync.WaitGroup
			for _, p := range []*pool.Pool[int]{a, b} {
				both.Go(func() {
					if failed := use(t, p, 50); failed > 0 {
						t.Errorf("%d users got none", failed)
					}
				})
			}
			both.Wait()
			synctest.Wait()
			if provider.refused > 0 {
				t.Errorf("%d at most: refused %d times", bears, provider.refused)
			}
			if s := group.Stats(); s.Opened != a.Stats().Opened+b.Stats().Opened || s.Idle != provider.open || s.Waits == 0 {
				t.Errorf("%d at most: together %v, alone %v and %v", bears, s, a.Stats(), b.Stats())
			}
		})
	}
}

// TestGroupTakesTurns: single users who never stop, of two pools for which there is one place, both get their part, and
// the place does not change hands for each of them.
func TestGroupTakesTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		provider, group := &provider{bears: 1}, new(pool.Group[int])
		o := pool.Options[int]{MaxOpen: 1, MaxIdle: 1, Group: group}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		var uses [2]int
		var users sync.WaitGroup
		var mu sync.Mutex
		for i := range uses {
			p := provider.pool(o)
			for range 3 {
				users.Go(func() {
					for ctx.Err() == nil {
						l, err := p.Get(ctx)
						if err != nil {
							return
						}
						time.Sleep(10 * time.Millisecond) // of the bubble
						mu.Lock()
						uses[i]++
						mu.Unlock()
						l.Release()
					}
				})
			}
		}
		users.Wait()
		if all := uses[0] + uses[1]; all < 5500 || uses[0] < all*4/10 || uses[0] > all*6/10 {
			t.Errorf("%v uses, of 6000", uses)
		}
		if provider.made > 70 || provider.refused > 0 {
			t.Errorf("%d were opened within a minute, %d refused", provider.made, provider.refused)
		}
	})
}

// TestGroupLearnsTogether: what the provider has refused one pool is not asked for by another.
func TestGroupLearnsTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		provider, group := &provider{bears: 2}, new(pool.Group[int])
		o := pool.Options[int]{MaxOpen: 10, MaxIdle: 10, Group: group}
		a, b := provider.pool(o), provider.pool(o)
		if failed := use(t, a, 10); failed > 0 || provider.refused == 0 {
			t.Fatalf("%d failed, %d refused", failed, provider.refused)
		}
		before := provider.refused
		if failed := use(t, b, 10); failed > 0 || provider.refused > before || b.Stats().Limit != 2 {
			t.Errorf("%d failed, %d refused, %v", failed, provider.refused-before, b.Stats())
		}
	})
}

// TestGroupWithoutAnyOpen: a refusal while another pool has some open fails no user, and is that of all who wait when none has.
func TestGroupWithoutAnyOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		provider, group := &provider{bears: 1}, new(pool.Group[int])
		o := pool.Options[int]{MaxOpen: 10, MaxIdle: 10, Group: group}
		a, b := provider.pool(o), provider.pool(o)
		l, err := a.Get(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(5*time.Second, l.Release)
		if b.Open() != 1 {
			t.Error("those of the other pool do not count as open")
		}
		if failed := use(t, b, 3); failed > 0 || provider.refused == 0 {
			t.Errorf("%d failed, %d refused", failed, provider.refused)
		}
		synctest.Wait()
		provider.mu.Lock()
		provider.bears = 0
		provider.mu.Unlock()
		b.Close()
		if failed := use(t, a, 3); failed != 3 {
			t.Errorf("%d of 3 failed", failed)
		}
	})
}

// TestGroupClosesWhatHelps: idle ones of another pool are closed politely, and only where that makes a place.
func TestGroupClosesWhatHelps(t *testing.T) {
	for idle, closes := range map[int]bool{2: false, 3: true} {
		t.Run(fmt.Sprintf("%d idle", idle), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m, group := &maker{}, new(pool.Group[*thing])
				a := m.pool(pool.Options[*thing]{MaxOpen: 10, MaxIdle: 10, Group: group})
				b := m.pool(pool.Options[*thing]{MaxOpen: 8, MaxIdle: 8, Group: group})
				var leases []*pool.Lease[*thing]
				for range 10 {
					leases = append(leases, get(t, a))
				}
				for _, l := range leases[:idle] {
					l.Release()
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				l, err := b.Get(ctx)
				if served := err == nil; served != closes {
					t.Fatalf("%v", err)
				}
				closed := 0
				for _, thing := range m.made[:10] {
					if thing.killed.Load() {
						t.Errorf("%d was killed", thing.id)
					}
					if thing.closed.Load() {
						closed++
					}
				}
				if want := map[bool]int{true: 3}[closes]; closed != want {
					t.Errorf("%d were closed, want %d", closed, want)
				}
				if closes {
					l.Release()
				}
			})
		})
	}
}

// TestGroupWaitsForTheEnd: an idle one that makes room for another pool is not killed for a user of its own who comes then:
// the provider counts it until it has seen the end. One who does not answer the goodbye is not waited for.
func TestGroupWaitsForTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ends, group := make(chan struct{}), new(pool.Group[int])
		var killed atomic.Bool
		o := pool.Options[int]{
			MaxOpen: 1, MaxIdle: 1, Group: group,
			Open:  func(context.Context) (int, error) { return 1, nil },
			Close: func(int) { <-ends },
			Kill: func(int) {
				killed.Store(true)
				close(ends)
			},
		}
		a, b := pool.New(o), pool.New(o)
		l, err := a.Get(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		l.Release()
		begin := time.Now()
		var users sync.WaitGroup
		for _, p := range []*pool.Pool[int]{b, a} {
			users.Go(func() {
				l, err := p.Get(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				l.Discard()
			})
			synctest.Wait()
			if killed.Load() {
				t.Error("it was killed at once")
			}
		}
		time.Sleep(time.Second) // of the bubble
		if killed.Load() {
			t.Error("it was killed after a second")
		}
		users.Wait()
		if took := time.Since(begin); !killed.Load() || took != 2*time.Second {
			t.Errorf("killed: %v, after %v", killed.Load(), took)
		}
	})
}

// TestGroupBulkGivesWay: a bulk that has all places gives one to a single user of another pool at once, and bulks of two
// pools share.
func TestGroupBulkGivesWay(t *testing.T) {
	for _, open := range []int{1, 2, 4, 6} { // 4 workers: some wait in their own pool, or none
		synctest.Test(t, func(t *testing.T) {
			m, group := &maker{}, new(pool.Group[*thing])
			o := pool.Options[*thing]{MaxOpen: open, MaxIdle: open, Group: group}
			a, b, c := m.pool(o), m.pool(o), m.pool(o)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			const each = 10 * time.Millisecond
			first := bulk(ctx, t, a, min(open, 4), each)
			for range 10 {
				time.Sleep(1234 * time.Millisecond)
				begin := time.Now()
				l := get(t, c)
				if took := time.Since(begin); took > 2*each {
					t.Errorf("%d: a single user waited for %v", open, took)
				}
				l.Release()
			}
			second := bulk(ctx, t, b, 4, each)
			x, y := first().Seconds()-12.34*float64(min(open, 4)), second().Seconds()
			if share := x / (x + y); share < 0.4 || share > 0.6 {
				t.Errorf("%d: shares of %.1f and %.1f s", open, x, y)
			}
		})
	}
}

// TestGroupWithoutThoseThatEnded: a pool that was closed has left the group.
func TestGroupWithoutThoseThatEnded(t *testing.T) {
	m, group := &maker{}, new(pool.Group[*thing])
	o := pool.Options[*thing]{MaxOpen: 1, MaxIdle: 1, Group: group}
	a, b := m.pool(o), m.pool(o)
	get(t, a).Release()
	if err := a.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	l := get(t, b)
	if diff := cmp.Diff(pool.Stats{Busy: 1, Opened: 1}, group.Stats()); diff != "" {
		t.Error(diff)
	}
	l.Release()
	if a.Stats().Opened != 1 {
		t.Error("its own figures are lost")
	}
}

// TestGroupLeavesANewPoolAlone: what a pool opens ahead of need is not opened before Start, whatever others of the group do.
func TestGroupLeavesANewPoolAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		provider, group := &provider{bears: 9}, new(pool.Group[int])
		a := provider.pool(pool.Options[int]{MaxOpen: 9, MaxIdle: 9, Group: group})
		b := provider.pool(pool.Options[int]{MaxOpen: 9, MaxIdle: 9, MinIdle: 2, Group: group})
		if failed := use(t, a, 3); failed > 0 {
			t.Error("some failed")
		}
		synctest.Wait()
		if s := b.Stats(); s.Opened > 0 || s.Opening > 0 {
			t.Errorf("before: %v", s)
		}
		b.Start()
		time.Sleep(time.Second) // of the bubble
		if s := b.Stats(); s.Idle != 2 {
			t.Errorf("after: %v", s)
		}
	})
}

// TestGroupOpensAheadInAFreePlace: what one pool gives up is room for what another one opens ahead of need.
func TestGroupOpensAheadInAFreePlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		provider, group := &provider{bears: 1}, new(pool.Group[int])
		a := provider.pool(pool.Options[int]{MaxOpen: 1, MaxIdle: 1, Group: group})
		b := provider.pool(pool.Options[int]{MaxOpen: 1, MaxIdle: 1, MinIdle: 1, Group: group})
		l, err := a.Get(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		b.Start()
		time.Sleep(time.Second) // of the bubble
		if b.Stats().Opened > 0 || provider.refused > 0 {
			t.Errorf("before: %v", b.Stats())
		}
		l.Discard()
		time.Sleep(time.Second) // of the bubble
		if s := b.Stats(); s.Idle != 1 {
			t.Errorf("after: %v", s)
		}
	})
}

// TestGroupServesAll: whatever users of three pools with limits of their own do with what they get, and whatever the provider
// refuses, each of them is served in the end. A user who is forgotten would wait for ever, which the bubble notices.
func TestGroupServesAll(t *testing.T) {
	for seed := range uint64(30) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 0))
			provider, group := &provider{bears: 1 + random.IntN(4)}, new(pool.Group[int])
			var users sync.WaitGroup
			var pools []*pool.Pool[int]
			for range 3 {
				most := 1 + random.IntN(4)
				p := provider.pool(pool.Options[int]{
					MaxOpen: most, MaxIdle: most, MinIdle: random.IntN(2), Group: group, OneFirst: random.IntN(2) == 0,
					IdleTimeout: 100 * time.Millisecond, MaxAge: time.Second,
				})
				pools = append(pools, p)
				bulk := p.Bulk()
				for range 40 {
					get, begin, does := p.Get, time.Duration(random.IntN(300))*time.Millisecond, random.IntN(10)
					if does > 6 {
						get = bulk.Get
					}
					users.Go(func() {
						time.Sleep(begin)
						l, err := get(t.Context())
						if err != nil {
							return // all who waited were refused
						}
						time.Sleep(10 * time.Millisecond)
						switch does {
						case 0:
							l.Discard()
						case 1:
							l.Refused(true, errTooMany)
						case 2:
							l.Surplus(errTooMany)
						case 3:
							l.Refused(false, errForNow)
						default:
							for range 5 {
								if l.Wanted() {
									break
								}
								time.Sleep(10 * time.Millisecond)
							}
							l.Release()
						}
					})
				}
			}
			users.Wait()
			time.Sleep(time.Minute)
			if s := group.Stats(); s.Waiting > 0 || s.Busy > 0 || s.Opening > 0 {
				t.Errorf("seed %d: %v", seed, s)
			}
			for _, p := range pools {
				if err := p.Shutdown(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

package pool_test

import (
	"context"
	"errors"
	"os"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/depeche-mail/depeche/internal/pool"
)

// TestOpenPanics: a panic of Open goes on in the goroutine of the user, and the place is free for others,
// also where the pool opens ahead of need.
func TestOpenPanics(t *testing.T) {
	for _, warm := range []int{0, 1} {
		synctest.Test(t, func(t *testing.T) {
			const panics = 3
			calls := 0
			p := pool.New(pool.Options[int]{
				MaxOpen: 1, MaxIdle: 1, MinIdle: warm,
				Open: func(context.Context) (int, error) {
					calls++
					if calls <= panics {
						panic("no")
					}
					return calls, nil
				},
				Close: func(int) {}, Kill: func(int) {},
			})
			p.Start()
			synctest.Wait()
			var users sync.WaitGroup
			recovered, got := make(chan any, 10), make(chan int, 10)
			for range 6 {
				users.Go(func() {
					defer func() {
						if v := recover(); v != nil {
							recovered <- v
						}
					}()
					lease, err := p.Get(t.Context())
					if err != nil {
						t.Error(err)
						return
					}
					got <- lease.Value()
					lease.Release()
				})
			}
			users.Wait()
			if len(recovered) != panics-warm || len(got) != 6-len(recovered) {
				t.Errorf("%d panics, %d got one", len(recovered), len(got))
			}
			p.Close()
		})
	}
}

// TestDeadlineOfOneUser: a dialer that ends by the deadline of its user before the ctx itself has ended says
// nothing to the others who wait.
func TestDeadlineOfOneUser(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pool.New(pool.Options[int]{
			MaxOpen: 1, MaxIdle: 1,
			Open: func(ctx context.Context) (int, error) {
				if ends, ok := ctx.Deadline(); ok {
					time.Sleep(time.Until(ends)) // of the bubble
					return 0, os.ErrDeadlineExceeded
				}
				return 1, nil
			},
			Close: func(int) {}, Kill: func(int) {},
		})
		var users sync.WaitGroup
		users.Go(func() {
			// Its timer fires later than that of the dialer.
			ctx := slowContext{Context: t.Context(), ends: time.Now().Add(time.Second)}
			if _, err := p.Get(ctx); err == nil {
				t.Error("it got one")
			}
		})
		synctest.Wait()
		for range 5 {
			users.Go(func() {
				lease, err := p.Get(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				lease.Release()
			})
		}
		users.Wait()
		p.Close()
	})
}

// slowContext is a ctx whose deadline passes before it ends.
type slowContext struct {
	context.Context

	ends time.Time
}

func (c slowContext) Deadline() (time.Time, bool) { return c.ends, true }

// TestRefusedUserComesBackLate: a user whose resource was refused is one of those who wait, although others were refused all
// together before that user has asked again. Nothing is opened for it.
func TestRefusedUserComesBackLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // in which to wait for ever fails
		m := &maker{}
		p := m.pool(pool.Options[*thing]{MaxOpen: 2, MaxIdle: 2})
		a, b := get(t, p), get(t, p)
		down := errors.New("too many")
		if !a.Refused(true, down) {
			t.Error("there is another one")
		}
		if b.Refused(true, down) {
			t.Error("there is no other one")
		}
		if _, err := a.Again(t.Context()); !errors.Is(err, down) {
			t.Errorf("got %v", err)
		}
		if m.opens != 2 {
			t.Errorf("%d were opened", m.opens)
		}
		get(t, p).Release() // a new user tries
	})
}

// outcomeOf runs f in a goroutine and returns what it panicked with, and whether it returned.
func outcomeOf(f func()) (value any, returned bool) {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer func() { value = recover() }()
		f()
		returned = true
	}()
	<-ended
	return value, returned
}

// TestObserverDoesNotReturn: a Left or Learned that panics, or ends its goroutine, ends no call in which it is told, of whatever
// pool of the group, and costs no place. It goes on in the next Get of its own pool, once.
func TestObserverDoesNotReturn(t *testing.T) {
	use := func(ctx context.Context, t *testing.T, p *pool.Pool[*thing]) {
		t.Helper()
		if _, returned := outcomeOf(func() {
			l, err := p.Get(ctx)
			if err != nil {
				t.Error(err)
				return
			}
			l.Release()
		}); !returned {
			t.Error("the call did not return")
		}
	}
	for name, happens := range map[string]func(ctx context.Context, t *testing.T, m *maker, a, b *pool.Pool[*thing]){
		"another pool takes the place": func(ctx context.Context, t *testing.T, _ *maker, a, b *pool.Pool[*thing]) {
			t.Helper()
			use(ctx, t, a)
			use(ctx, t, b)
		},
		"the own pool finds a dead one": func(ctx context.Context, t *testing.T, m *maker, a, _ *pool.Pool[*thing]) {
			t.Helper()
			use(ctx, t, a)
			m.made[0].dead.Store(true)
			use(ctx, t, a)
		},
		"one comes back dead": func(_ context.Context, t *testing.T, _ *maker, a, _ *pool.Pool[*thing]) {
			t.Helper()
			l := get(t, a)
			if _, returned := outcomeOf(l.Discard); !returned {
				t.Error("Discard did not return")
			}
		},
		"one expires": func(ctx context.Context, t *testing.T, _ *maker, a, _ *pool.Pool[*thing]) {
			t.Helper()
			use(ctx, t, a)
			time.Sleep(time.Minute) // of the bubble
		},
		"one is too many": func(_ context.Context, t *testing.T, _ *maker, a, _ *pool.Pool[*thing]) {
			t.Helper()
			l := get(t, a)
			if _, returned := outcomeOf(func() { l.Refused(true, errTooMany) }); !returned {
				t.Error("Refused did not return")
			}
		},
	} {
		for _, exit := range []bool{false, true} {
			t.Run(name+map[bool]string{true: ", exits", false: ""}[exit], func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					m, group, hurt := &maker{}, new(pool.Group[*thing]), errors.New("hurt")
					breaks := func() {
						if exit {
							runtime.Goexit()
						}
						panic(hurt)
					}
					a := m.pool(pool.Options[*thing]{
						MaxOpen: 1, MaxIdle: 1, IdleTimeout: 30 * time.Second, Group: group,
						Left: func(*thing, pool.Reason) { breaks() }, Learned: func(int, error) { breaks() },
					})
					b := m.pool(pool.Options[*thing]{MaxOpen: 1, MaxIdle: 1, Group: group})
					ctx, cancel := context.WithTimeout(t.Context(), time.Hour) // or it would hang
					defer cancel()
					happens(ctx, t, m, a, b)
					synctest.Wait()
					value, returned := outcomeOf(func() { _, _ = a.Get(ctx) }) // it does not return
					if err, _ := value.(error); returned || !exit && !errors.Is(err, hurt) {
						t.Errorf("the next Get: returned: %v, recovered %v", returned, value)
					}
					use(ctx, t, a)
					use(ctx, t, b)
					if s := group.Stats(); s.Busy+s.Opening+s.Waiting > 0 {
						t.Errorf("%v", s)
					}
					a.Close()
					b.Close()
				})
			})
		}
	}
}

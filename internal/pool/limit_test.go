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

var errTooMany, errForNow, errLasting = errors.New("too many"), errors.New("for now"), errors.New("lasting")

// judge knows the errors of these tests.
func judge(err error) pool.Failure {
	return map[error]pool.Failure{errTooMany: pool.FailureTooMany, errForNow: pool.FailureForNow}[err]
}

// provider bears a number of things at once.
type provider struct {
	mu         sync.Mutex
	bears      int
	open, made int
	refused    int
	down       error
}

func (p *provider) pool(o pool.Options[int]) *pool.Pool[int] {
	o.Judge = judge
	o.Open = func(context.Context) (int, error) {
		time.Sleep(time.Millisecond) // of the bubble
		p.mu.Lock()
		defer p.mu.Unlock()
		switch {
		case p.down != nil:
			p.refused++
			return 0, p.down
		case p.open >= p.bears:
			p.refused++
			return 0, errTooMany
		}
		p.open++
		p.made++
		return p.made, nil
	}
	o.Close = func(int) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.open--
	}
	o.Kill = func(int) {}
	return pool.New(o)
}

// use has n users take a thing for a while each, all at once, and returns how many got none.
func use(t *testing.T, p *pool.Pool[int], n int) (failed int) {
	t.Helper()
	var mu sync.Mutex
	var users sync.WaitGroup
	for range n {
		users.Go(func() {
			l, err := p.Get(t.Context())
			if err != nil {
				mu.Lock()
				defer mu.Unlock()
				failed++
				return
			}
			time.Sleep(10 * time.Millisecond)
			l.Release()
		})
	}
	users.Wait()
	return failed
}

// TestLimitIsHalved: a provider that refuses while none is open bears less than it did; each refusal halves the limit, to one
// at least.
func TestLimitIsHalved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &provider{}
		p := s.pool(pool.Options[int]{MaxOpen: 10, MaxIdle: 10})
		var limits []int
		for range 5 {
			if failed := use(t, p, 1); failed != 1 {
				t.Fatal("it got one")
			}
			limits = append(limits, p.Stats().Limit)
		}
		if diff := cmp.Diff([]int{5, 2, 1, 1, 1}, limits); diff != "" {
			t.Error(diff)
		}
	})
}

// TestRefusalsFailNoUser: what the provider bears is found out, no user fails, and it is asked seldom from then on. It is
// used fully a while after it bears more.
func TestRefusalsFailNoUser(t *testing.T) {
	for _, bears := range []int{1, 2, 7} {
		synctest.Test(t, func(t *testing.T) {
			s := &provider{bears: bears}
			p := s.pool(pool.Options[int]{MaxOpen: 10, MaxIdle: 10})
			if failed := use(t, p, 30); failed > 0 {
				t.Errorf("%d of 30 failed", failed)
			}
			if got := p.Stats().Limit; got != bears {
				t.Errorf("learned %d, want %d", got, bears)
			}
			before := s.refused
			for range 10 {
				if failed := use(t, p, 30); failed > 0 {
					t.Errorf("%d failed", failed)
				}
			}
			if s.refused > before {
				t.Errorf("asked in vain %d times more at once", s.refused-before)
			}
			for range 30 { // half an hour
				time.Sleep(time.Minute)
				use(t, p, 30)
			}
			if more := s.refused - before; more > 31 {
				t.Errorf("asked in vain %d times in half an hour", more)
			}
			s.mu.Lock()
			s.bears = 10
			s.mu.Unlock()
			time.Sleep(10 * time.Minute)
			use(t, p, 30)
			if s := p.Stats(); s.Idle != 10 || s.Limit != 0 {
				t.Errorf("it bears ten for ten minutes: %v", s)
			}
		})
	}
}

// TestLateSuccess: a thing that comes after the refusal of another one is borne too.
func TestLateSuccess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int64
		p := pool.New(pool.Options[int]{
			MaxOpen: 3, MaxIdle: 3, Judge: judge, Close: func(int) {}, Kill: func(int) {},
			Open: func(context.Context) (int, error) {
				n := int(calls.Add(1))
				time.Sleep([]time.Duration{0, time.Millisecond, 30 * time.Millisecond, 20 * time.Millisecond}[n])
				if n == 3 {
					return 0, errTooMany
				}
				return n, nil
			},
		})
		if failed := use(t, p, 3); failed > 0 || p.Stats().Limit != 2 {
			t.Errorf("%d failed, %v", failed, p.Stats())
		}
	})
}

// TestRefusalOfOneInUse: a thing that is ended because there are too many lowers the number, and is
// closed.
func TestRefusalOfOneInUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &provider{bears: 10}
		var left []pool.Reason
		p := s.pool(pool.Options[int]{MaxOpen: 4, MaxIdle: 4, Left: func(_ int, why pool.Reason) { left = append(left, why) }})
		var held []*pool.Lease[int]
		for range 4 {
			l, err := p.Get(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			held = append(held, l)
		}
		for want := 3; want > 0; want-- {
			if others := held[want].Refused(true, errTooMany); !others {
				t.Error("others are open")
			}
			if got := p.Stats().Limit; got != want {
				t.Errorf("learned %d, want %d", got, want)
			}
		}
		if others := held[0].Refused(true, errTooMany); others {
			t.Error("none is open")
		}
		if got := p.Stats().Limit; got != 1 {
			t.Errorf("learned %d, want 1", got)
		}
		if diff := cmp.Diff([]pool.Reason{pool.TooMany, pool.TooMany, pool.TooMany, pool.TooMany}, left); diff != "" {
			t.Error(diff)
		}
	})
}

// TestShareOfOneLowersNothing: a thing that has had its share is replaced.
func TestShareOfOneLowersNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &provider{bears: 10}
		p := s.pool(pool.Options[int]{MaxOpen: 4, MaxIdle: 4})
		l, err := p.Get(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if l.Refused(false, errTooMany) || p.Stats().Limit != 0 {
			t.Errorf("learned %v", p.Stats())
		}
	})
}

// TestFailureForNow: while one thing is open, users who could not open another wait for it; a failure that lasts is
// told to the user who met it.
func TestFailureForNow(t *testing.T) {
	for _, tc := range []struct {
		down   error
		failed int
	}{{errForNow, 0}, {errTooMany, 0}, {errLasting, 1}} {
		synctest.Test(t, func(t *testing.T) {
			s := &provider{bears: 10}
			p := s.pool(pool.Options[int]{MaxOpen: 3, MaxIdle: 3})
			l, err := p.Get(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			s.mu.Lock()
			s.down = tc.down
			s.mu.Unlock()
			failed := 0
			var users sync.WaitGroup
			users.Go(func() {
				time.Sleep(time.Minute)
				l.Release()
			})
			users.Go(func() { failed = use(t, p, 1) })
			users.Wait()
			if failed != tc.failed {
				t.Errorf("%v: %d failed, want %d", tc.down, failed, tc.failed)
			}
			if s.refused > 20 {
				t.Errorf("%v: asked %d times in a minute", tc.down, s.refused)
			}
		})
	}
}

// TestOpensAgainWhileOneIsHeld: a failure that has passed does not keep a user waiting for a thing that does not come back.
func TestOpensAgainWhileOneIsHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &provider{bears: 10}
		p := s.pool(pool.Options[int]{MaxOpen: 3, MaxIdle: 3})
		l, err := p.Get(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		s.down = errForNow
		go func() {
			time.Sleep(10 * time.Second)
			s.mu.Lock()
			defer s.mu.Unlock()
			s.down = nil
		}()
		begin := time.Now()
		if failed := use(t, p, 1); failed > 0 || time.Since(begin) > 20*time.Second {
			t.Errorf("%d failed, after %v", failed, time.Since(begin))
		}
		l.Release()
	})
}

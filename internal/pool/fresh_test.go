package pool_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/depeche-mail/depeche/internal/pool"
)

func fresh(t *testing.T, p *pool.Pool[*thing]) *pool.Lease[*thing] {
	t.Helper()
	l, err := p.Fresh(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// TestFreshTakesThePlaceOfAnIdleOne: of the one that was used longest ago, when all places are taken.
func TestFreshTakesThePlaceOfAnIdleOne(t *testing.T) {
	m := &maker{}
	p := m.pool(pool.Options[*thing]{MaxOpen: 2, MaxIdle: 2})
	a, b := get(t, p), get(t, p)
	a.Release()
	b.Release()
	if l := fresh(t, p); l.Reused() || l.Value().id != 2 || !m.made[0].killed.Load() || m.made[1].killed.Load() {
		t.Errorf("got %+v, %v", l, p.Stats())
	}
}

// TestFreshLeavesIdleOnesToOthers: with room for one more, none is given up.
func TestFreshLeavesIdleOnesToOthers(t *testing.T) {
	m := &maker{}
	p := m.pool(pool.Options[*thing]{MaxOpen: 3, MaxIdle: 3})
	a, b := get(t, p), get(t, p)
	a.Release()
	b.Release()
	if l := fresh(t, p); l.Reused() || l.Value().id != 2 {
		t.Errorf("got %+v", l)
	}
	if s := p.Stats(); s.Idle != 2 || s.Closed != 0 {
		t.Errorf("%v", s)
	}
}

// TestFreshWhileOpeningFails: no idle one is given up for one that cannot be opened, neither with a place for it nor without;
// the user gets the idle one at once.
func TestFreshWhileOpeningFails(t *testing.T) {
	for _, refused := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			m := &maker{}
			p := m.pool(pool.Options[*thing]{MaxOpen: 3, MaxIdle: 3, Judge: func(error) pool.Failure { return pool.FailureForNow }})
			a, b := get(t, p), get(t, p)
			m.err = errors.New("down")
			for range 2 { // after the second failure there is a pause
				ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
				_, err := p.Get(ctx) // fails, and waits
				cancel()
				if !errors.Is(err, context.DeadlineExceeded) {
					t.Fatal(err)
				}
			}
			if refused {
				b.Refused(true, m.err) // one is as many as may be open
			} else {
				b.Discard()
			}
			synctest.Wait() // b is closed
			a.Release()
			begin := time.Now()
			if l := fresh(t, p); !l.Reused() || time.Since(begin) > 0 {
				t.Errorf("got %+v after %v", l, time.Since(begin))
			}
			if m.made[0].killed.Load() {
				t.Errorf("it was given up: %v", p.Stats())
			}
		})
	}
}

// TestWhoComesInAPauseIsServedAfterIt: also when no other user waited when it began, and none is given back.
func TestWhoComesInAPauseIsServedAfterIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &maker{}
		p := m.pool(pool.Options[*thing]{MaxOpen: 2, MaxIdle: 2})
		get(t, p)
		m.err = errors.New("down")
		for range 2 {
			if _, err := p.Get(t.Context()); !errors.Is(err, m.err) {
				t.Fatal(err)
			}
		}
		m.err = nil
		begin := time.Now()
		if l := get(t, p); l.Value().id != 1 || time.Since(begin) > time.Second {
			t.Errorf("got %+v after %v", l, time.Since(begin))
		}
	})
}

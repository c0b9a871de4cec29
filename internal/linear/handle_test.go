package linear_test

import (
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/depeche-mail/depeche/internal/linear"
	"github.com/google/go-cmp/cmp"
)

type list []string

func (l list) Clone() linear.Handle[list] { return linear.New(slices.Clone(l)) }

func add(h linear.Handle[list], s string) linear.Handle[list] {
	return h.Step(func(l *list) { *l = append(*l, s) })
}

func finish(t *testing.T, h linear.Handle[list]) list {
	t.Helper()
	got, err := h.Finish()
	if err != nil {
		t.Fatal(err)
	}
	return *got
}

func wantStale(t *testing.T, h linear.Handle[list]) {
	t.Helper()
	if got, err := h.Finish(); !errors.Is(err, linear.ErrStale) {
		t.Errorf("Finish = %v, %v; want ErrStale", got, err)
	}
}

func TestHandle(t *testing.T) {
	start := func() linear.Handle[list] { return linear.New(list{}) }

	t.Run("a chain keeps every step in order", func(t *testing.T) {
		got := finish(t, add(add(start(), "a"), "b"))
		if diff := cmp.Diff(list{"a", "b"}, got); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("a dropped result is an error", func(t *testing.T) {
		h := start()
		add(h, "lost")
		wantStale(t, add(h, "b"))
	})
	t.Run("of two forks the second is an error", func(t *testing.T) {
		base := add(start(), "base")
		first, second := add(base, "x"), add(base, "y")
		if diff := cmp.Diff(list{"base", "x"}, finish(t, first)); diff != "" {
			t.Error(diff)
		}
		wantStale(t, second)
		wantStale(t, add(second, "z"))
		wantStale(t, second.Clone())
	})
	t.Run("clones share nothing", func(t *testing.T) {
		base := add(add(add(start(), "1"), "2"), "3") // a slice with room to append in place
		x, y := add(base.Clone(), "x"), add(base.Clone(), "y")
		if diff := cmp.Diff(list{"1", "2", "3", "x"}, finish(t, x)); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(list{"1", "2", "3", "y"}, finish(t, y)); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(list{"1", "2", "3"}, finish(t, base)); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("finishing spends the handle", func(t *testing.T) {
		h := add(start(), "a")
		finish(t, h)
		wantStale(t, h)
		wantStale(t, add(h, "b"))
	})
	t.Run("handles of one state are none of the next in its place", func(t *testing.T) {
		var cell linear.Cell[list]
		first := cell.Begin(list{"first"})
		spent := add(first, "a")
		finish(t, spent)
		second := cell.Begin(list{"second"})
		for _, stale := range []linear.Handle[list]{first, spent} {
			wantStale(t, stale)
			wantStale(t, add(stale, "b"))
			wantStale(t, stale.Clone())
		}
		if diff := cmp.Diff(list{"second", "c"}, finish(t, add(second, "c"))); diff != "" {
			t.Error(diff)
		}
		abandoned := cell.Begin(list{"abandoned"})
		cell.Begin(list{})
		wantStale(t, abandoned)
	})
	t.Run("the zero handle is stale", func(t *testing.T) {
		var h linear.Handle[list]
		wantStale(t, add(h, "a"))
		wantStale(t, h.Clone())
	})
}

func TestHandleConcurrently(t *testing.T) {
	base := add(linear.New(list{}), "base")
	var won atomic.Int32
	var clones, forks sync.WaitGroup
	for range 50 {
		clones.Go(func() {
			if got, err := add(base.Clone(), "x").Finish(); err != nil || len(*got) != 2 {
				t.Errorf("clone: %v, %v", got, err)
			}
		})
	}
	clones.Wait()
	for range 50 {
		forks.Go(func() {
			if _, err := add(base, "y").Finish(); err == nil {
				won.Add(1)
			}
		})
	}
	forks.Wait()
	if won.Load() != 1 {
		t.Errorf("%d goroutines stepped one handle, want 1", won.Load())
	}
}

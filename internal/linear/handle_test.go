package linear_test

import (
	"errors"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/depeche-mail/depeche/internal/linear"
	"github.com/google/go-cmp/cmp"
)

// list is a builder of a list of words, as builders are made of a handle and a state.
type list struct {
	handle linear.Handle
	words  *[]string
}

func start() list { return list{linear.New(), new([]string)} }

func (l list) add(s string) list {
	return list{l.handle.Step(func() { *l.words = append(*l.words, s) }), l.words}
}

func (l list) clone() list {
	var fork list
	l.handle.Look(func() {
		words := slices.Clone(*l.words)
		fork = list{linear.New(), &words}
	})
	return fork
}

func (l list) finish(t *testing.T) []string {
	t.Helper()
	if err := l.handle.Finish(); err != nil {
		t.Fatal(err)
	}
	return *l.words
}

func wantStale(t *testing.T, l list) {
	t.Helper()
	if err := l.handle.Finish(); !errors.Is(err, linear.ErrStale) {
		t.Errorf("Finish = %v; want ErrStale", err)
	}
	if l.handle.Look(func() { t.Error("a look through a stale handle") }) {
		t.Error("a stale handle can look")
	}
}

func TestHandle(t *testing.T) {
	t.Run("a chain keeps every step in order", func(t *testing.T) {
		if diff := cmp.Diff([]string{"a", "b"}, start().add("a").add("b").finish(t)); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("a dropped result is an error", func(t *testing.T) {
		l := start()
		l.add("lost")
		wantStale(t, l.add("b"))
	})
	t.Run("of two forks the second is an error", func(t *testing.T) {
		base := start().add("base")
		first, second := base.add("x"), base.add("y")
		if diff := cmp.Diff([]string{"base", "x"}, first.finish(t)); diff != "" {
			t.Error(diff)
		}
		wantStale(t, second)
		wantStale(t, second.add("z"))
		wantStale(t, second.clone())
	})
	t.Run("clones share nothing", func(t *testing.T) {
		base := start().add("1").add("2").add("3") // a slice with room to append in place
		x, y := base.clone().add("x"), base.clone().add("y")
		for want, l := range map[string]list{"123x": x, "123y": y, "123": base} {
			if got := strings.Join(l.finish(t), ""); got != want {
				t.Errorf("%s, want %s", got, want)
			}
		}
	})
	t.Run("finishing spends the handle", func(t *testing.T) {
		l := start().add("a")
		l.finish(t)
		wantStale(t, l)
		wantStale(t, l.add("b"))
	})
	t.Run("handles of one state are not handles of the next in its place", func(t *testing.T) {
		var guard linear.Guard
		words := []string{}
		first := list{guard.Begin(), &words}
		spent := first.add("a")
		spent.finish(t)
		words = nil
		second := list{guard.Begin(), &words}
		for _, stale := range []list{first, spent} {
			wantStale(t, stale)
			wantStale(t, stale.add("b"))
			wantStale(t, stale.clone())
		}
		if diff := cmp.Diff([]string{"c"}, second.add("c").finish(t)); diff != "" {
			t.Error(diff)
		}
		abandoned := list{guard.Begin(), &words}
		guard.Begin()
		wantStale(t, abandoned)
	})
	t.Run("the zero handle is stale", func(t *testing.T) {
		var l list
		wantStale(t, l.add("a"))
		wantStale(t, l.clone())
	})
}

func TestHandleConcurrently(t *testing.T) {
	base := start().add("base")
	var won atomic.Int32
	var clones, forks sync.WaitGroup
	for range 50 {
		clones.Go(func() {
			l := base.clone().add("x")
			if err := l.handle.Finish(); err != nil || len(*l.words) != 2 {
				t.Errorf("clone: %v, %v", *l.words, err)
			}
		})
	}
	clones.Wait()
	for range 50 {
		forks.Go(func() {
			if err := base.add("y").handle.Finish(); err == nil {
				won.Add(1)
			}
		})
	}
	forks.Wait()
	if won.Load() != 1 {
		t.Errorf("%d goroutines stepped one handle, want 1", won.Load())
	}
}

// TestStepAfterLook: a step that comes during a look changes nothing before the look is over.
func TestStepAfterLook(t *testing.T) {
	for range 20 {
		steps := 0
		handle := linear.New()
		var stepping sync.WaitGroup
		handle.Look(func() {
			begins := make(chan struct{})
			stepping.Go(func() {
				close(begins)
				if err := handle.Step(func() { steps++ }).Finish(); err != nil {
					t.Error(err)
				}
			})
			<-begins
			for range 100 { // in which it could do its work
				runtime.Gosched()
			}
			if steps != 0 {
				t.Error("a step during a look")
			}
		})
		stepping.Wait()
		if steps != 1 {
			t.Errorf("%d steps after the look", steps)
		}
	}
}

package policy

import (
	"math/rand/v2"
	"testing"

	"github.com/depeche-mail/depeche/transport"
)

func watching() *watched {
	return &watched{begin: func(transport.Mail) func(*transport.Result, error) { return nil }}
}

// TestWatched compares what is under way with a map, in orders in which mails may end: the oldest, the newest, any, and ones that stay.
func TestWatched(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 7))
	for range 300 {
		w, model := watching(), map[int]bool{}
		for step := range 1 + random.IntN(3000) {
			switch {
			case random.IntN(2) == 0 || len(model) == 0:
				model[w.next] = true
				w.enter(nil)
			default:
				number := random.IntN(w.next + 2)
				if m, ok := w.back(number); ok != model[number] || ok && m.index != number {
					t.Fatalf("step %d: back(%d) = %d %t, want %t", step, number, m.index, ok, model[number])
				}
				delete(model, number)
			}
		}
		list := w.underWay()
		for i, m := range list {
			if !model[m.index] || i > 0 && list[i-1].index >= m.index {
				t.Fatalf("under way: %d after %d", m.index, list[max(0, i-1)].index)
			}
		}
		if len(list) != len(model) {
			t.Fatalf("%d are under way, want %d", len(list), len(model))
		}
	}
}

// TestWatchedMemory has one mail that waits while a hundred thousand others end.
func TestWatchedMemory(t *testing.T) {
	w := watching()
	w.enter(nil)
	for number := 1; number <= 100_000; number++ {
		w.enter(nil)
		if _, ok := w.back(number); !ok {
			t.Fatal(number)
		}
	}
	if len(w.ring) > 64 {
		t.Errorf("the ring has %d places for one mail", len(w.ring))
	}
	if _, ok := w.back(0); !ok {
		t.Error("the first is lost")
	}
}

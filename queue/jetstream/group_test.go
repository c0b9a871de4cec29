package jetstream

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"
)

// TestWritesTogether: writes that come while one is under way are made in one batch. One that is refused does not keep the others from
// being made, and one that was given up before it was begun is not made.
func TestWritesTogether(t *testing.T) {
	for name, tc := range map[string]struct {
		refused bool
		made    int // by the server
	}{"all": {made: 2}, "one is refused": {refused: true, made: 2 + writers}} {
		t.Run(name, func(t *testing.T) {
			f, s := newFake(t, plainNATS(t), "book")
			begun, let := make(chan struct{}), make(chan struct{})
			f.before = func(string) {
				f.before = nil
				close(begun)
				<-let
			}
			errs, firsts := make([]error, writers+2), make([]uint64, writers+2)
			var all sync.WaitGroup
			write := func(ctx context.Context, i int) {
				c := change{subject: fmt.Sprint("book.", i), head: "x"}
				if tc.refused && i == 1 {
					c.seen = 99
				}
				second := change{subject: fmt.Sprint("book.second.", i), head: "x"}
				all.Go(func() { firsts[i], errs[i] = s.write(ctx, []change{c, second}) })
			}
			waiting := func(n int) {
				t.Helper()
				soon, cancel := context.WithTimeout(t.Context(), patience)
				defer cancel()
				until(soon, t, fmt.Sprint(n, " writes wait"), func() bool {
					s.group.mu.Lock()
					defer s.group.mu.Unlock()
					return len(s.group.waiting) == n
				})
			}
			write(t.Context(), 0)
			<-begun
			for i := range writers {
				write(t.Context(), i+1)
			}
			ctx, cancel := context.WithCancel(t.Context())
			write(ctx, writers+1)
			waiting(writers + 1)
			cancel()
			waiting(writers)
			close(let)
			all.Wait()
			for i, err := range errs[:writers+1] {
				switch {
				case tc.refused && i == 1:
					if !errors.Is(err, errConflict) {
						t.Errorf("what is refused: %v", err)
					}
				case err != nil:
					t.Error(err)
				case f.all[firsts[i]-1].Subject != fmt.Sprint("book.", i):
					t.Errorf("write %d is said to be %s", i, f.all[firsts[i]-1].Subject)
				}
			}
			if !errors.Is(errs[writers+1], context.Canceled) || f.last(fmt.Sprint("book.", writers+1), len(f.all)) >= 0 {
				t.Errorf("what was given up: %v", errs[writers+1])
			}
			if f.made != tc.made {
				t.Errorf("%d writes are made, want %d", f.made, tc.made)
			}
		})
	}
}

const writers = 20

// TestLargeWritesHaveTime: how long a write may take depends on its size.
func TestLargeWritesHaveTime(t *testing.T) {
	large := []change{{data: make([]byte, 24<<20)}, {data: make([]byte, 8<<20)}}
	if more := allowance(large); more != 32*time.Second {
		t.Errorf("32 MiB have %v more", more)
	}
	if more := allowance([]change{{data: make([]byte, 1000)}}); more > time.Millisecond {
		t.Errorf("a small one has %v more", more)
	}
}

// TestRegather: callers who write together write together again; one alone does not wait for others.
func TestRegather(t *testing.T) {
	if d := regather(1, time.Hour); d != 0 {
		t.Errorf("one alone waits for %v", d)
	}
	if d := regather(2, 8*time.Millisecond); d != time.Millisecond {
		t.Errorf("after 8ms two wait for %v", d)
	}
	if d := regather(2, time.Hour); d > 10*time.Millisecond {
		t.Errorf("after a write that hung they wait for %v", d)
	}
}

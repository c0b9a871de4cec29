package pause_test

import (
	"context"
	"errors"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/depeche-mail/depeche/internal/pause"
)

// TestFor waits as long as it was asked to, or until ctx ends, whose cause it returns.
func TestFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gone := errors.New("gone")
		ctx, cancel := context.WithCancelCause(t.Context())
		begin := time.Now()
		if err := pause.For(ctx, time.Minute); err != nil || time.Since(begin) != time.Minute {
			t.Errorf("%v after %v", err, time.Since(begin))
		}
		time.AfterFunc(time.Second, func() { cancel(gone) })
		begin = time.Now()
		if err := pause.For(ctx, time.Minute); !errors.Is(err, gone) || time.Since(begin) != time.Second {
			t.Errorf("%v after %v", err, time.Since(begin))
		}
		if err := pause.For(ctx, 0); err != nil { // there is nothing to wait for
			t.Error(err)
		}
	})
}

// TestDoubled: the wait doubles up to the longest.
func TestDoubled(t *testing.T) {
	for n, want := range map[int]time.Duration{-1: 3, 0: 3, 1: 6, 2: 12, 3: 20, 4: 20, 1 << 30: 20} {
		if got := pause.Doubled(3, 20, n); got != want {
			t.Errorf("doubled %d times: %d, want %d", n, got, want)
		}
	}
	if got := pause.Doubled(30, 20, 0); got != 20 {
		t.Errorf("first is longer than longest: %d", got)
	}
	if got := pause.Doubled(time.Second, math.MaxInt64, 100); got != math.MaxInt64 {
		t.Errorf("%v", got)
	}
	if got := pause.Doubled(0, 20, math.MaxInt); got != 0 {
		t.Errorf("%v", got)
	}
}

// Package pause waits, and says how long to wait before something is tried again.
package pause

import (
	"context"
	"time"
)

// For waits for d, or until ctx ends and returns why. With a d of zero or less it returns at once.
func For(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Doubled returns first doubled n times, at most longest. It never overflows.
func Doubled(first, longest time.Duration, n int) time.Duration {
	d := min(first, longest)
	for ; n > 0 && d > 0 && d < longest; n-- {
		if d > longest/2 {
			return longest
		}
		d *= 2
	}
	return d
}

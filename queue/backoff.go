package queue

import (
	"math/rand/v2"
	"time"
)

// Backoff says how long a job waits after that many attempts, from 1. It may be called from several goroutines.
type Backoff func(attempts int) time.Duration

// Exponential waits a random time between half of first and first after the first attempt, and up to twice as long
// after each further one, at most longest. Half of the time is random, so that jobs that failed together do not come
// back together.
func Exponential(first, longest time.Duration) Backoff {
	return func(attempts int) time.Duration {
		d := min(first, longest)
		for range max(attempts-1, 0) {
			if d > longest/2 {
				d = longest
				break
			}
			if d *= 2; d == 0 {
				break
			}
		}
		return d/2 + rand.N(d/2+1) //nolint:gosec // not a secret
	}
}

package queue

import (
	"math/rand/v2"
	"time"

	"github.com/depeche-mail/depeche/internal/pause"
)

// Backoff says how long a job waits after that many attempts, from 1. It may be called from several goroutines.
type Backoff func(attempts int) time.Duration

// Exponential waits a random time between half of first and first after the first attempt, and up to twice as long
// after each further one, at most longest. Half of the time is random, so that jobs that failed together do not come
// back together.
func Exponential(first, longest time.Duration) Backoff {
	return func(attempts int) time.Duration {
		d := pause.Doubled(first, longest, attempts-1)
		return d/2 + rand.N(d/2+1) //nolint:gosec // not a secret
	}
}

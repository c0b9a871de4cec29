package policy

import (
	"math"
	"time"
)

// bucket holds tokens that come back at a steady rate. It may be overdrawn: a mail that takes more than it
// holds waits until it would have been full enough, and all mails after it wait longer.
type bucket struct {
	perSecond float64
	burst     float64
	tokens    float64
	at        time.Time // when tokens was right
}

// newBucket returns a full bucket, or nil for a rate without a limit.
func newBucket(r Rate) *bucket {
	if r.Count == 0 {
		return nil
	}
	b := &bucket{perSecond: float64(r.Count) / r.Per.Seconds(), burst: float64(r.Burst)}
	if r.Burst == 0 {
		b.burst = max(1, b.perSecond)
	}
	b.tokens = b.burst
	return b
}

// take takes n tokens and returns how long to wait before they may be used. More than the bucket can
// ever hold may be used when it is full.
func (b *bucket) take(now time.Time, n int64) time.Duration {
	if b == nil {
		return 0
	}
	if !b.at.IsZero() {
		b.tokens = min(b.burst, b.tokens+now.Sub(b.at).Seconds()*b.perSecond)
	}
	b.at = now
	missing := min(float64(n), b.burst) - b.tokens
	b.tokens -= float64(n)
	if missing <= 0 {
		return 0
	}
	seconds := missing / b.perSecond
	if limit := time.Duration(math.MaxInt64); seconds >= limit.Seconds() {
		return limit
	}
	return time.Duration(math.Ceil(seconds * float64(time.Second)))
}

// giveBack returns tokens that were not used.
func (b *bucket) giveBack(n int64) {
	if b != nil {
		b.tokens = min(b.burst, b.tokens+float64(n))
	}
}

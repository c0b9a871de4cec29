package client

import (
	"errors"
	"os"
	"time"
)

// next sets the limit of the reply that is due now.
func (l *link) next() {
	switch {
	case l.queue.len() == 0:
		l.replyDeadline = time.Time{}
	default:
		l.setLimitFrom(l.last, l.frontLimit())
	}
}

// frontLimit is how long the reply that is due now may take. One that decides nothing comes soon or not at
// all: from a server that closes, or that has taken no recipient. After the end of the content each may
// take as long as the verdict, because servers hold replies back until they send the verdict.
func (l *link) frontLimit() time.Duration {
	e := l.queue.front()
	a, ok := e.to.(*attempt)
	switch {
	case l.lastWord == lastClosed, ok && e.phase == PhaseFinal && a.decidesNothing():
		return l.timeouts.Reset
	case ok && a.written:
		return max(l.timeouts.Final, l.timeouts.of(e.phase))
	}
	return l.timeouts.of(e.phase)
}

// setLimit gives the reply that is due the time d. The deadline of the connection is only moved
// when it is too late, because moving it for each reply would cost more than reading it.
func (l *link) setLimit(d time.Duration) { l.setLimitFrom(time.Now(), d) }

func (l *link) setLimitFrom(now time.Time, d time.Duration) {
	l.replyDeadline = now.Add(d)
	if l.readDeadline.IsZero() || l.readDeadline.After(l.replyDeadline) {
		l.arm(l.replyDeadline)
	}
}

func (l *link) arm(t time.Time) {
	l.readDeadline = t
	_ = l.nc.SetReadDeadline(t) // fails only on a closed connection, which the read finds out
}

// deadlineReader reads from the connection until the limit, not only until the armed deadline.
type deadlineReader struct{ l *link }

func (p deadlineReader) Read(b []byte) (int, error) {
	for {
		n, err := p.l.nc.Read(b)
		if n > 0 {
			p.l.mu.Lock()
			p.l.last = time.Now()
			p.l.mu.Unlock()
		}
		if n > 0 || !errors.Is(err, os.ErrDeadlineExceeded) || p.l.expired() {
			return n, err
		}
	}
}

// expired reports whether the limit has passed, and moves the armed deadline when not.
func (l *link) expired() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil || !l.replyDeadline.IsZero() && !time.Now().Before(l.replyDeadline) {
		return true
	}
	l.arm(l.replyDeadline)
	return false
}

package client

import (
	"errors"
	"os"
	"time"
)

// instant is a time since the wire was made, which a monotonic clock tells; 0 for none.
type instant time.Duration

func (w *wire) now() instant { return instant(time.Since(w.made)) }

// time is an instant as the clock of the host shows it.
func (w *wire) time(at instant) time.Time {
	if at == 0 {
		return time.Time{}
	}
	return w.made.Add(time.Duration(at))
}

// next sets the limit of the reply that is due now, when all that has come was taken.
func (in *receiver) next() {
	switch {
	case in.err != nil:
	case in.awaited.len() == 0:
		in.replyDeadline = 0
	default:
		in.setLimitFrom(in.last, in.frontLimit())
	}
}

// frontLimit is how long the reply that is due now may take. One that decides nothing comes soon or not at
// all: from a server that closes, or that has taken no recipient. After the end of the content each may
// take as long as the verdict, because servers hold replies back until they send the verdict.
func (in *receiver) frontLimit() time.Duration {
	e := in.awaited.front()
	h, ok := e.to.(*heard)
	switch {
	case in.lastWord == lastClosed, ok && e.step == stepFinal && h.decidesNothing():
		return in.wire.timeouts.Reset
	case ok && h.written:
		return max(in.wire.timeouts.Final, in.wire.timeouts.of(e.step))
	}
	return in.wire.timeouts.of(e.step)
}

// setLimit gives the reply that is due the time d. The deadline of the connection is only moved
// when it is too late, because moving it for each reply would cost more than reading it.
func (in *receiver) setLimit(d time.Duration) { in.setLimitFrom(in.wire.now(), d) }

func (in *receiver) setLimitFrom(now instant, d time.Duration) {
	in.replyDeadline, in.replyLimit = now+instant(d), d
	if in.readDeadline == 0 || in.readDeadline > in.replyDeadline {
		in.arm(in.replyDeadline)
	}
}

func (in *receiver) arm(at instant) {
	in.readDeadline = at
	_ = in.wire.nc.SetReadDeadline(in.wire.time(at)) // fails only on a closed connection, which the read finds out
}

// deadlineReader reads from the connection until the limit, not only until the armed deadline.
type deadlineReader struct{ w *wire }

func (p deadlineReader) Read(b []byte) (int, error) {
	for {
		n, err := p.w.nc.Read(b)
		if n > 0 {
			in := p.w.lock()
			if in.awaited.len() == 0 { // nothing was asked
				in.idled = time.Duration(p.w.now() - in.last)
			}
			in.last = p.w.now()
			p.w.unlock()
		}
		if n > 0 || !errors.Is(err, os.ErrDeadlineExceeded) || p.w.expired() {
			return n, err
		}
	}
}

// expired reports whether the limit has passed, and moves the armed deadline when not.
func (w *wire) expired() bool {
	in := w.lock()
	defer w.unlock()
	if in.err != nil || in.replyDeadline != 0 && w.now() >= in.replyDeadline {
		return true
	}
	in.arm(in.replyDeadline)
	return false
}

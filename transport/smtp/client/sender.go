package client

import (
	"context"
	"errors"
	"os"
	"sync"
	"time"

	"github.com/depeche-mail/depeche/internal/ending"
	"github.com/depeche-mail/depeche/internal/expired"
)

// sender is the part of a wire that only the goroutine uses that uses the Conn.
type sender struct {
	out     []byte        // queued octets: one flight is one write
	pending []expectation // what will be due when they are written
	shared  *flightBuffer // that out is in; nil when it is the connection's own
	own     []byte        // the connection's own, while out is in shared
	// endings are told before what is queued is written, because the ends of their mails are in it.
	endings []ending.Ending
	// refused is why they could not be told: nothing more is written, and what was written before gets its verdicts.
	refused error
	sent    int64           // octets handed to the connection so far
	ctx     context.Context // of the call that is watched; nil when there is none
}

// flightSize is how much is queued before it must be written.
const flightSize = 64 << 10

// keptSize is how much of its buffer a connection keeps between flights, and keptReplies of what it awaits.
const (
	keptSize    = 2 << 10
	keptReplies = 32
)

// flightBuffer is the buffer of a flight with content. All connections share them, so that one that waits has none.
type flightBuffer [flightSize + 1<<10]byte

var flightBuffers = sync.Pool{New: func() any { return new(flightBuffer) }}

// reserve makes room for n octets of content.
func (s *sender) reserve(n int) {
	if s.shared != nil || len(s.out)+n <= max(keptSize, cap(s.out)) {
		return
	}
	s.shared, s.own = flightBuffers.Get().(*flightBuffer), s.out[:0]
	s.out = append(s.shared[:0], s.out...)
}

// relax gives back the memory of a flight that was written.
func (s *sender) relax() {
	if s.shared != nil {
		flightBuffers.Put(s.shared)
		s.out, s.shared, s.own = s.own, nil, nil
	}
	if cap(s.out) > keptSize { // a long list of recipients is over
		s.out = nil
	}
}

// relaxReplies gives back the memory of a window that is over.
func (w *wire) relaxReplies() {
	in := w.lock()
	defer w.unlock()
	if len(w.pending) == 0 && cap(w.pending) > keptReplies {
		w.pending = nil
	}
	in.awaited.relax()
}

// enqueue adds an expectation of the reply to something that is queued.
func (s *sender) enqueue(e expectation) { s.pending = append(s.pending, e) }

// queuedTo is the place in the stream at which what is queued next begins.
func (s *sender) queuedTo() int64 { return s.sent + int64(len(s.out)) }

// flush writes what is queued.
func (w *wire) flush() error {
	return w.flushBut(0)
}

// flushBut writes what is queued except for the last octets.
func (w *wire) flushBut(last int) error {
	n := len(w.out) - last
	err := w.write(w.out[:n])
	w.out = w.out[:copy(w.out, w.out[n:])]
	if len(w.out) == 0 {
		w.relax()
	}
	return err
}

// write hands p to the connection, with a deadline for each flightSize octets of progress. What is queued
// becomes due before, because a reply may come before the write returns.
func (w *wire) write(p []byte) error {
	if w.ctx != nil { // this is the last moment to stop, and the watcher may be late
		if cause := expired.Cause(w.ctx); cause != nil {
			w.fail(cause)
		}
	}
	if len(p) > 0 { // the ends of the mails are in it
		if err := w.tellEndings(); err != nil {
			return err
		}
	}
	in := w.lockDrained()
	in.register(w.pending)
	in.advance(w.sent + int64(len(p)))
	err := in.err
	w.unlock()
	clear(w.pending)
	w.pending = w.pending[:0]
	for len(p) > 0 && err == nil {
		var n int
		err = w.nc.SetWriteDeadline(time.Now().Add(w.timeouts.Body))
		if err == nil {
			n, err = w.nc.Write(p[:min(len(p), 2*flightSize)])
		}
		w.sent += int64(n)
		p = p[n:]
	}
	if err != nil {
		return w.writeFailed(err)
	}
	return nil
}

// lockDrained is lock when the reader has judged what it holds, if nothing is due: those octets were said too
// early to answer what becomes due next. Half a line has until the limit to become one.
func (w *wire) lockDrained() *receiver {
	in := w.lock()
	for len(w.pending) > 0 && in.ahead && in.awaited.len() == 0 && in.err == nil {
		in.setLimit(w.timeouts.Reset)
		w.unlock()
		_ = w.wait(func(in *receiver) bool { return !in.ahead }) // a connection that this breaks is not written to
		in = w.lock()
	}
	return in
}

// writeFailed lets the reader take what the server said before it closed, because that says more
// than "broken pipe", and returns why the connection is broken.
func (w *wire) writeFailed(err error) error {
	const grace = time.Second
	in := w.lock()
	hear := in.err == nil && !errors.Is(err, os.ErrDeadlineExceeded) && w.stopped != nil
	if hear {
		in.setLimit(grace)
	}
	w.unlock()
	if hear {
		<-w.stopped
	}
	w.fail(err)
	return w.broken()
}

// Package memconn has connections in memory that behave as TCP does where it matters to a protocol: what was
// written before an end can still be read, an end and a reset are two things, and writes do not wait for a reader.
// They may be used inside and outside a bubble of testing/synctest.
package memconn

import (
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// Pipe returns the two ends of a connection. A write never blocks, and what was written before a close can still
// be read.
func Pipe() (client, server *End) {
	up, down := newLane(), newLane()
	return &End{in: down, out: up}, &End{in: up, out: down}
}

// lane carries octets one way.
type lane struct {
	mu       sync.Mutex
	cond     *sync.Cond
	buf      []byte
	keep     bool   // log is kept
	log      []byte // everything that was ever written
	over     error  // what a reader gets after buf: io.EOF or ECONNRESET
	dead     bool   // a write fails, because the reader has reset the connection
	deadline time.Time
	timer    *time.Timer
}

func newLane() *lane {
	l := &lane{}
	l.cond = sync.NewCond(&l.mu)
	return l
}

func (l *lane) read(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for {
		switch {
		case !l.deadline.IsZero() && !time.Now().Before(l.deadline):
			return 0, os.ErrDeadlineExceeded
		case len(l.buf) > 0:
			n := copy(p, l.buf)
			l.buf = l.buf[n:]
			return n, nil
		case l.over != nil:
			return 0, l.over
		}
		l.cond.Wait()
	}
}

func (l *lane) write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.dead {
		return 0, syscall.EPIPE
	}
	if l.keep {
		l.log = append(l.log, p...)
	}
	if l.over == nil {
		l.buf = append(l.buf, p...)
		l.cond.Broadcast()
	}
	return len(p), nil
}

func (l *lane) end(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.over == nil {
		l.over = err
	}
	l.cond.Broadcast()
}

func (l *lane) setDeadline(t time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.timer != nil {
		l.timer.Stop()
		l.timer = nil
	}
	l.deadline = t
	if !t.IsZero() {
		l.timer = time.AfterFunc(time.Until(t), func() {
			l.mu.Lock() // so that a reader between its look and its wait is not missed
			defer l.mu.Unlock()
			l.cond.Broadcast()
		})
	}
	l.cond.Broadcast()
}

// End is one end of a [Pipe].
type End struct {
	in, out *lane
	mu      sync.Mutex
	closed  bool
}

// Read reads what the other end has written.
func (e *End) Read(p []byte) (int, error) {
	if e.Closed() {
		return 0, net.ErrClosed
	}
	return e.in.read(p)
}

// Write never blocks. After the other end has closed in order it succeeds and the octets are lost; after
// a reset it fails.
func (e *End) Write(p []byte) (int, error) {
	if e.Closed() {
		return 0, net.ErrClosed
	}
	return e.out.write(p)
}

// Close ends both directions: the other end reads what is left and then io.EOF.
func (e *End) Close() error { return e.close(io.EOF, false) }

// Reset ends both directions: the other end reads what is left and then ECONNRESET, and cannot write.
func (e *End) Reset() error { return e.close(syscall.ECONNRESET, true) }

func (e *End) close(err error, dead bool) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return net.ErrClosed
	}
	e.closed = true
	e.in.setDeadline(time.Time{})
	e.in.end(net.ErrClosed)
	if dead {
		e.in.mu.Lock()
		e.in.dead = true
		e.in.mu.Unlock()
	}
	e.out.end(err)
	return nil
}

// Closed reports whether this end was closed.
func (e *End) Closed() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.closed
}

// Pending reports whether octets, or the end of the stream, have come that were not read.
func (e *End) Pending() bool {
	e.in.mu.Lock()
	defer e.in.mu.Unlock()
	return len(e.in.buf) > 0 || e.in.over != nil
}

// Keep keeps what the other end writes from now on, for [End.Heard].
func (e *End) Keep() {
	e.in.mu.Lock()
	defer e.in.mu.Unlock()
	e.in.keep = true
}

// CloseWrite ends the direction of this end: the other one reads what is left and then io.EOF.
func (e *End) CloseWrite() error {
	if e.Closed() {
		return net.ErrClosed
	}
	e.out.end(io.EOF)
	return nil
}

// Heard returns everything that the other end has written since [End.Keep].
func (e *End) Heard() []byte {
	e.in.mu.Lock()
	defer e.in.mu.Unlock()
	return e.in.log
}

// SetDeadline sets the deadline of Read; a Write needs none.
func (e *End) SetDeadline(t time.Time) error { return e.SetReadDeadline(t) }

// SetReadDeadline sets the deadline of Read.
func (e *End) SetReadDeadline(t time.Time) error {
	if e.Closed() {
		return net.ErrClosed
	}
	e.in.setDeadline(t)
	return nil
}

// SetWriteDeadline does nothing, because a Write never blocks.
func (e *End) SetWriteDeadline(time.Time) error {
	if e.Closed() {
		return net.ErrClosed
	}
	return nil
}

// LocalAddr returns [Addr].
func (e *End) LocalAddr() net.Addr { return Addr{} }

// RemoteAddr returns [Addr].
func (e *End) RemoteAddr() net.Addr { return Addr{} }

// Addr is the address of every end. It is written as one of the loopback interface, so that programs which allow
// plaintext there alone allow it here.
type Addr struct{}

// Network returns "memory".
func (Addr) Network() string { return "memory" }

// String returns a host and a port.
func (Addr) String() string { return "127.0.0.1:25" }

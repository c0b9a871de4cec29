package client

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/depeche-mail/depeche/internal/panics"
	"github.com/depeche-mail/depeche/transport/smtp/authentication"
	"github.com/depeche-mail/depeche/transport/smtp/response"
)

// wire moves commands and content one way and replies the other. It knows which reply answers what,
// and nothing of what the commands mean.
//
// Two goroutines work on it: the one that uses the Conn writes, a reader of the wire's own takes replies
// and hands each to the call that waits for it. So a server may answer while a body is still being
// written, and neither side can block the other for good. What the writing goroutine alone uses is in sender,
// what both use in receiver, which is had by lock.
type wire struct {
	sender

	id       uint64   // for events
	raw      net.Conn // what was dialed
	nc       net.Conn // raw, or TLS over it
	timeouts Timeouts
	made     time.Time // the beginning of its instants, so that none is 0
	tracing  bool      // there is a trace
	mask     authentication.SecretMask
	told     authentication.MaskedSession // what this connection has told the mask
	caught   panics.Catcher               // what the trace did not return from
	wake     chan struct{}                // tells the writing goroutine that something changed
	stopped  chan struct{}                // closed when the reader has ended; nil before it began

	mu      sync.Mutex
	guarded receiver // by mu: see lock
}

// lock returns what both goroutines use. It is good until unlock.
func (w *wire) lock() *receiver {
	w.mu.Lock()
	return &w.guarded
}

func (w *wire) unlock() { w.mu.Unlock() }

// expectation is one reply that the server owes.
type expectation struct {
	to         sink
	index      int32 // for to: which recipient
	step       step
	stopReader bool // the reader stops after this reply: the next octets are not SMTP, or not in clear
}

// sink takes the replies to its commands.
type sink interface {
	// reply reports whether a further reply to the same expectation is due. An error breaks the
	// wire.
	reply(in *receiver, e expectation, r response.Response) (more bool, err error)
}

// lastID is the number of the newest connection of the process.
var lastID atomic.Uint64

func newWire(nc net.Conn, cfg *Config) *wire {
	w := &wire{
		id: lastID.Add(1), raw: nc, nc: nc, timeouts: cfg.Timeouts, made: time.Now().Add(-1), tracing: cfg.Trace != nil,
		mask: cfg.Mask, told: cfg.Mask.Session(), wake: make(chan struct{}, 1),
	}
	w.guarded = receiver{wire: w, peeker: newPeeker(nc), trace: cfg.Trace, last: 1}
	return w
}

// wait blocks until cond holds or the connection is broken.
func (w *wire) wait(cond func(*receiver) bool) error {
	for {
		in := w.lock()
		ok, err := cond(in), in.err
		w.unlock()
		switch {
		case ok:
			return nil
		case err != nil:
			return err
		}
		<-w.wake
	}
}

// answered waits until no reply is due.
func (w *wire) answered() error {
	return w.wait(func(in *receiver) bool { return in.awaited.len() == 0 })
}

// broken returns why the connection is broken, or nil.
func (w *wire) broken() error {
	defer w.unlock()
	return w.lock().err
}

// fail breaks the connection: both directions end at once and not one more octet is sent.
func (w *wire) fail(err error) {
	defer w.unlock()
	w.lock().fail(err)
}

func (w *wire) notify() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// checkIdle breaks the connection when something has come although no reply is due, so that it cannot answer
// the next command. The reader would find it too, but perhaps too late.
func (w *wire) checkIdle() {
	in := w.lock()
	defer w.unlock()
	if in.err == nil && in.awaited.len() == 0 && in.peeker.pending() {
		in.fail(errGone)
	}
}

// watch breaks the connection when ctx ends. The function that it returns ends the watch.
func (w *wire) watch(ctx context.Context) (stop func()) {
	if ctx.Done() == nil {
		return func() {}
	}
	w.ctx = ctx
	in := w.lock()
	in.watched++
	turn := in.watched
	w.unlock()
	end := context.AfterFunc(ctx, func() {
		in := w.lock()
		defer w.unlock()
		if in.watched == turn {
			in.fail(context.Cause(ctx))
		}
	})
	return func() {
		w.ctx = nil
		if !end() { // it has begun, and must not break what comes after this call
			defer w.unlock()
			w.lock().watched++
		}
	}
}

// report tells the trace of an event.
func (w *wire) report(e Event) {
	defer w.unlock()
	w.lock().event(e)
}

// awaitReader returns when no reply can come any more to what has none, if the connection is broken.
func (w *wire) awaitReader() {
	if w.broken() != nil && w.stopped != nil {
		<-w.stopped
	}
}

// rethrow lets a panic of the trace go on in the goroutine that uses the Conn.
func (w *wire) rethrow() { w.caught.Rethrow() }

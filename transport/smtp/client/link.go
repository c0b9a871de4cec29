package client

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/depeche-mail/depeche/internal/ending"
	"github.com/depeche-mail/depeche/internal/expired"
	"github.com/depeche-mail/depeche/internal/panics"
	"github.com/depeche-mail/depeche/transport/smtp/response"
)

// link moves commands and content one way and replies the other. It knows which reply answers what,
// and nothing of what the commands mean.
//
// Two goroutines work on it: the one that uses the Conn writes, a reader of the link's own takes replies
// and hands each to the call that waits for it. So a server may answer while a body is still being
// written, and neither side can block the other for good.
type link struct {
	raw      net.Conn // what was dialed
	nc       net.Conn // raw, or TLS over it
	peeker   *peeker  // of raw; used with mu held
	timeouts Timeouts
	trace    func(Event) // called with mu held; may be nil
	id       uint64      // for events

	// Used by the goroutine that uses the Conn only.
	out    []byte        // corked octets: one flight is one write
	corked []expectation // what will be due when they are written
	// endings are told before what is corked is written, because the ends of their mails are in it.
	endings []ending.Ending
	sent    int64           // octets handed to the connection so far
	ctx     context.Context // of the call that is watched; nil when there is none
	source  earlySink       // whose body is being corked; nil when no body is

	caught        panics.Catcher // what the trace did not return from
	mu            sync.Mutex
	watched       uint64              // counts the calls that are watched, so that a late watcher knows that it is late
	queue         replyQueue          // what the next replies answer
	err           error               // why the link is broken; set once
	closing       bool                // the server said 421
	reply421      response.Response   // that reply
	refusing      bool                // MAIL was refused for now: it is time to go
	body          earlySink           // who is writing a body; nil when no body is written
	timedOut      bool                // the reply that was due did not come within its limit
	chunking      chunkState          // what is known of the server
	chunkAnswered bool                // it has answered a BDAT in a transaction
	chunkSilent   bool                // it did not answer one within the limit
	lastWord      lastWord            // what the last reply said about all that has none yet
	endedInOrder  bool                // the stream ended after a whole reply, not by an error
	ended         bool                // the stream ended, in order or not
	last          time.Time           // when octets came last
	replyDeadline time.Time           // when the first expectation has waited too long; zero for no limit
	readDeadline  time.Time           // the deadline set on the connection; never later than limit
	wake          chan struct{}       // tells the owner that something changed
	stopped       chan struct{}       // closed when the reader has ended
	ahead         bool                // the reader holds octets after the last reply
	mask          func(string) string // takes secrets out of replies; nil before a login
	loggedIn      bool                // the login is over: a reply that reports success has nothing of it
}

// expectation is one reply that the server owes.
type expectation struct {
	phase      Phase
	index      int  // for to: which recipient
	stopReader bool // the reader stops after this reply: the next octets are not SMTP, or not in clear
	to         sink
}

// sink takes the replies to its commands. It is called with the link's lock held.
type sink interface {
	// reply reports whether a further reply to the same expectation is due. An error breaks the
	// link.
	reply(e expectation, r response.Response) (more bool, err error)
}

// earlySink hears of a reply that comes while the body is being written.
type earlySink interface {
	early(r response.Response) error
}

// lastID is the number of the newest connection of the process.
var lastID atomic.Uint64

func newLink(nc net.Conn, timeouts Timeouts, trace func(Event)) *link {
	return &link{id: lastID.Add(1), raw: nc, nc: nc, peeker: newPeeker(nc), timeouts: timeouts, trace: trace, wake: make(chan struct{}, 1), last: time.Now()}
}

// flightSize is how much is corked before it must be written.
const flightSize = 64 << 10

// cork adds an expectation of the reply to something that is corked.
func (l *link) cork(e expectation) { l.corked = append(l.corked, e) }

// registerReplies makes due what was corked. It is called before that is written, because a reply may come before
// the write returns. The lock is held.
func (l *link) registerReplies() {
	if len(l.corked) == 0 {
		return
	}
	l.drainBuffered()
	for _, e := range l.corked {
		l.queue.push(e)
		if a, ok := e.to.(*attempt); ok && e.phase == PhaseFinal {
			a.written = true
			l.replyDeadline = time.Time{} // all that is due may take as long as a verdict now
		}
	}
	clear(l.corked)
	l.corked = l.corked[:0]
}

// drainBuffered lets the reader judge what it holds already although nothing is due: it was said too early to
// answer what is expected next. Half a line has until the limit to become one. The lock is held, but not
// while this waits.
func (l *link) drainBuffered() {
	if l.ahead && l.queue.len() == 0 && l.err == nil {
		l.setLimit(l.timeouts.Reset)
		l.mu.Unlock()
		_ = l.wait(func() bool { return !l.ahead }) // the next write finds out that the link is broken
		l.mu.Lock()
	}
}

// report is event for the owner.
func (l *link) report(e Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.event(e)
}

// event reports to the trace; the lock is held. A trace that panics breaks the link, and the panic goes on
// in the goroutine that uses the Conn.
func (l *link) event(e Event) {
	if l.trace == nil {
		return
	}
	e.Time, e.Conn = time.Now(), l.id
	trace := l.trace
	l.trace = nil // for the case that it does not return
	defer l.traced()
	l.caught.Do(func() { trace(e) })
	if !l.caught.Caught() {
		l.trace = trace
	}
}

// traced breaks the link when the trace did not return. The lock is held.
func (l *link) traced() {
	if l.caught.Caught() {
		l.failLocked(errTrace)
	}
}

// errTrace is why a connection is closed whose trace panicked.
var errTrace = errors.New("connection closed because Config.Trace panicked")

// flush writes what is corked.
func (l *link) flush() error {
	return l.flushBut(0)
}

// flushBut writes what is corked except for the last octets.
func (l *link) flushBut(last int) error {
	n := len(l.out) - last
	err := l.write(l.out[:n])
	l.out = l.out[:copy(l.out, l.out[n:])]
	if len(l.out) == 0 && cap(l.out) > 4*flightSize { // a long list of recipients is over
		l.out = nil
	}
	return err
}

// write hands p to the connection, with a deadline for each flightSize octets of progress.
func (l *link) write(p []byte) error {
	if l.ctx != nil { // this is the last moment to stop, and the watcher may be late
		if cause := expired.Cause(l.ctx); cause != nil {
			l.fail(cause)
		}
	}
	if len(l.endings) > 0 && len(p) > 0 && l.broken() == nil { // the ends of these mails are in p
		if err := ending.All(l.endings); err != nil {
			l.fail(&endingError{err})
		}
		clear(l.endings)
		l.endings = l.endings[:0]
	}
	l.mu.Lock()
	l.registerReplies()
	if len(p) > 0 {
		l.body = l.source // changes with what is due: until the end of a body is written, a reply is early
	}
	err := l.err
	if l.replyDeadline.IsZero() && l.queue.len() > 0 {
		l.setLimit(l.frontLimit())
	}
	l.mu.Unlock()
	for len(p) > 0 && err == nil {
		var n int
		err = l.nc.SetWriteDeadline(time.Now().Add(l.timeouts.Body))
		if err == nil {
			n, err = l.nc.Write(p[:min(len(p), 2*flightSize)])
		}
		l.sent += int64(n)
		p = p[n:]
	}
	if err != nil {
		return l.writeFailed(err)
	}
	return nil
}

// ErrEnding is why a connection was closed when what is told of the end of a mail failed before that was written;
// see transport.WithEnding. It tells nothing of the server.
var ErrEnding = errors.New("connection closed before the end of the content")

// endingError is ErrEnding with its cause.
type endingError struct{ err error }

func (e *endingError) Error() string   { return ErrEnding.Error() + ": " + e.err.Error() }
func (e *endingError) Unwrap() []error { return []error{ErrEnding, e.err} }

// writeFailed lets the reader take what the server said before it closed, because that says more
// than "broken pipe", and returns why the link is broken.
func (l *link) writeFailed(err error) error {
	const grace = time.Second
	l.mu.Lock()
	hear := l.err == nil && !errors.Is(err, os.ErrDeadlineExceeded) && l.stopped != nil
	if hear {
		l.setLimit(grace)
	}
	l.mu.Unlock()
	if hear {
		<-l.stopped
	}
	l.fail(err)
	return l.broken()
}

// wait blocks until cond holds or the link is broken. cond is called with the lock held.
func (l *link) wait(cond func() bool) error {
	for {
		l.mu.Lock()
		ok, err := cond(), l.err
		l.mu.Unlock()
		switch {
		case ok:
			return nil
		case err != nil:
			return err
		}
		<-l.wake
	}
}

// answered waits until no reply is due.
func (l *link) answered() error {
	return l.wait(func() bool { return l.queue.len() == 0 })
}

// broken returns why the link is broken, or nil.
func (l *link) broken() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}

// fail breaks the link: both directions end at once and not one more octet is sent.
func (l *link) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failLocked(err)
}

func (l *link) failLocked(err error) {
	if l.err != nil {
		return
	}
	if l.reply421.Code != 0 { // the mails in flight after it should not look like victims of the network
		err = fmt.Errorf("the server ended the session with %q: %w", l.reply421, err)
	}
	l.err = err
	l.event(Event{Kind: EventClosed, Text: err.Error()})
	_ = l.raw.Close() // the link is broken already, there is no better news to tell
	l.notify()
}

func (l *link) notify() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// checkIdle breaks the link when something has come although no reply is due, so that it cannot answer
// the next command. The reader would find it too, but perhaps too late.
func (l *link) checkIdle() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err == nil && l.queue.len() == 0 && l.peeker.pending() {
		l.failLocked(errGone)
	}
}

// watch breaks the link when ctx ends. The function that it returns ends the watch.
func (l *link) watch(ctx context.Context) (stop func()) {
	if ctx.Done() == nil {
		return func() {}
	}
	l.ctx = ctx
	l.mu.Lock()
	l.watched++
	turn := l.watched
	l.mu.Unlock()
	end := context.AfterFunc(ctx, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.watched == turn {
			l.failLocked(context.Cause(ctx))
		}
	})
	return func() {
		l.ctx = nil
		if !end() { // it has begun, and must not break what comes after this call
			l.mu.Lock()
			defer l.mu.Unlock()
			l.watched++
		}
	}
}

// start begins to read replies from l.nc through r.
func (l *link) start() {
	stopped := make(chan struct{})
	l.stopped = stopped
	r := response.NewReader(deadlineReader{l})
	go func() {
		defer close(stopped)
		var parser response.Parser
		for {
			reply, err := parser.Read(r)
			if !l.takeAll(reply, err, r, &parser) {
				return
			}
		}
	}()
}

// takeAll takes a reply, and those that have come after it.
func (l *link) takeAll(reply response.Response, err error, r *bufio.Reader, parser *response.Parser) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for {
		if err != nil && (r.Buffered() > 0 || parser.IsPartial()) { // it began to say something
			l.lastWord = lastNothing
		}
		if !l.take(reply, err, r.Buffered() > 0) {
			return false
		}
		var used int
		rest, _ := r.Peek(r.Buffered()) // cannot fail: it asks for what is there
		reply, used, err = parser.Parse(rest)
		_, _ = r.Discard(used) // nor can this
		if reply.IsZero() && err == nil {
			return true
		}
	}
}

// take hands a reply to whom it answers and reports whether to go on reading. more says that
// further octets have come already, so that the owner need not be woken yet. The lock is held.
func (l *link) take(reply response.Response, err error, more bool) bool {
	l.maskSecrets(&reply, err)
	switch {
	case l.err != nil && err == nil && l.queue.len() > 0: // it was read before the link was given up
		e := l.queue.front()
		l.lastWord = lastNothing
		if again, err := e.to.reply(e, reply); err == nil && !again {
			l.queue.pop()
		}
		return true
	case l.err != nil:
		return false
	case err != nil:
		l.endedInOrder = errors.Is(err, io.EOF)
		l.timedOut = errors.Is(err, os.ErrDeadlineExceeded)
		l.ended = !l.timedOut
		if errors.Is(err, io.EOF) && l.queue.len() > 0 {
			err = io.ErrUnexpectedEOF
		}
		l.failLocked(err)
		return false
	}
	l.ahead = more
	if l.trace != nil {
		e := Event{Kind: EventReply, Text: l.traceText(reply)}
		if l.queue.len() > 0 {
			e = e.about(l.queue.front())
		}
		l.event(e)
	}
	if l.queue.len() == 0 {
		l.failLocked(l.unsolicited(reply))
		return false
	}
	e := l.queue.front()
	l.lastWord = lastNothing
	again, err := e.to.reply(e, reply)
	if !again {
		l.queue.pop()
	}
	if reply.Code == response.ServiceUnavailable {
		l.closing, l.reply421 = true, reply
	}
	switch {
	case err != nil:
		l.failLocked(err)
		return false
	case e.stopReader:
		if more {
			l.failLocked(ErrInjection)
		}
		l.replyDeadline = time.Time{}
		l.notify()
		return false
	}
	l.next()
	if !more || l.queue.len() == 0 {
		l.notify()
	}
	return true
}

// unsolicited judges a reply that answers no command.
func (l *link) unsolicited(reply response.Response) error {
	switch {
	case l.body != nil:
		return l.body.early(reply)
	case reply.Code == response.ServiceUnavailable: // RFC 5321 section 3.8 allows it at any time
		return &closedError{reply}
	}
	return &response.ProtocolError{Reason: ErrUnsolicited.Error(), Line: reply.String()}
}

// endVisible reports whether the server has ended the stream, as far as that can be seen without waiting.
// Octets that are there although no reply is due are taken for its end too: they would break the link. The
// lock is held.
func (l *link) endVisible() bool {
	return l.err != nil && l.ended || l.err == nil && l.queue.len() == 0 && l.peeker.pending()
}

// settled returns when no reply can come any more to what has none, if the link is broken.
func (l *link) settled() {
	if l.broken() != nil && l.stopped != nil {
		<-l.stopped
	}
}

// rethrow lets a panic of the trace go on in the goroutine that uses the Conn.
func (l *link) rethrow() { l.caught.Rethrow() }

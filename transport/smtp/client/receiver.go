package client

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/depeche-mail/depeche/transport/smtp/response"
)

// receiver is the part of a wire that both of its goroutines use, and so also what was learned of the server.
// Who has a *receiver holds the lock of the wire.
type receiver struct {
	wire          *wire
	peeker        *peeker           // of raw
	trace         func(Event)       // may be nil
	watched       uint64            // counts the calls that are watched, so that a late watcher knows that it is late
	awaited       replyQueue        // what the next replies answer
	bodies        []body            // contents whose end has not left, oldest first
	left          int64             // octets that have left, those that are being written among them
	err           error             // why the connection is broken; set once
	closing       bool              // the server said 421
	reply421      response.Response // that reply
	refusing      bool              // MAIL was refused for now: it is time to go
	timedOut      bool              // the reply that was due did not come within its limit
	chunking      chunkState        // what is known of the server
	chunkAnswered bool              // it has answered a BDAT in a transaction
	chunkSilent   bool              // it did not answer one within the limit
	aheadAnswered bool              // it has taken commands that travelled with the content of the mail before
	aheadRefused  bool              // it has refused such commands as out of place
	lastWord      lastWord          // what the last reply said about all that has none yet
	endedInOrder  bool              // the stream ended after a whole reply, not by an error
	ended         bool              // the stream ended, in order or not
	last          instant           // when octets came last
	idled         time.Duration     // how long nothing was asked before the server ended the connection or spoke unasked
	replyDeadline instant           // when the first expectation has waited too long; 0 for no limit
	replyLimit    time.Duration     // that ends with replyDeadline
	readDeadline  instant           // the deadline set on the connection; never later than replyDeadline
	ahead         bool              // the reader holds octets after the last reply
}

// body is a content that is being written, by its place in the stream. A reply that comes meanwhile, and answers
// nothing that was said before, is about it.
type body struct {
	to    *heard
	start int64
	end   int64 // math.MaxInt64 until it is known
}

// register makes replies due.
func (in *receiver) register(list []expectation) {
	for _, e := range list {
		in.awaited.push(e)
		if h, ok := e.to.(*heard); ok && e.step == stepFinal {
			h.written = true
			in.replyDeadline = 0 // all that is due may take as long as a verdict now
		}
	}
}

// advance notes that the octets up to a place in the stream leave now, and limits the wait for what is due.
func (in *receiver) advance(to int64) {
	in.left = to
	for len(in.bodies) > 0 && in.bodies[0].end <= to {
		in.bodies = slices.Delete(in.bodies, 0, 1)
	}
	if in.replyDeadline == 0 && in.awaited.len() > 0 {
		in.setLimit(in.frontLimit())
	}
}

// bodyBegins notes where the content of a transaction begins.
func (in *receiver) bodyBegins(h *heard, start int64) {
	if last := len(in.bodies) - 1; last < 0 || in.bodies[last].to != h {
		in.bodies = append(in.bodies, body{h, start, math.MaxInt64})
	}
}

// bodyEnds notes where it ends.
func (in *receiver) bodyEnds(h *heard, end int64) {
	if last := len(in.bodies) - 1; last >= 0 && in.bodies[last].to == h {
		in.bodies[last].end = end
	}
}

// forgetBody takes back what bodyBegins has noted.
func (in *receiver) forgetBody(h *heard) {
	in.bodies = slices.DeleteFunc(in.bodies, func(b body) bool { return b.to == h })
}

// fail breaks the connection: both directions end at once and not one more octet is sent.
func (in *receiver) fail(err error) {
	if in.err != nil {
		return
	}
	if in.reply421.Code != 0 { // the mails in flight after it should not look like victims of the network
		err = fmt.Errorf("the server ended the session with %q: %w", in.reply421, err)
	}
	in.err = err
	if in.idled == 0 && in.awaited.len() == 0 {
		in.idled = time.Duration(in.wire.now() - in.last)
	}
	in.event(Event{Kind: EventClosed, Text: err.Error()})
	in.wire.told.Close()
	_ = in.wire.raw.Close() // the connection is broken already, there is no better news to tell
	in.wire.notify()
}

// event reports to the trace. A trace that panics breaks the connection, and the panic goes on
// in the goroutine that uses the Conn.
func (in *receiver) event(e Event) {
	if in.trace == nil {
		return
	}
	e.Time, e.Conn = time.Now(), in.wire.id
	trace := in.trace
	in.trace = nil // for the case that it does not return
	defer in.traced()
	in.wire.caught.Do(func() { trace(e) })
	if !in.wire.caught.Caught() {
		in.trace = trace
	}
}

// traced breaks the connection when the trace did not return.
func (in *receiver) traced() {
	if in.wire.caught.Caught() {
		in.fail(errTrace)
	}
}

// errTrace is why a connection is closed whose trace panicked.
var errTrace = errors.New("connection closed because Config.Trace panicked")

package client

import (
	"errors"
	"io"
	"os"

	"github.com/depeche-mail/depeche/transport/smtp/response"
)

// start begins to read replies from l.nc through r.
func (w *wire) start() {
	stopped := make(chan struct{})
	w.stopped = stopped
	r := &replyReader{from: deadlineReader{w}, socket: w.lock().peeker}
	w.unlock()
	go func() {
		defer close(stopped)
		for {
			reply, err := r.read()
			if !w.takeAll(reply, err, r) {
				return
			}
		}
	}()
}

// takeAll takes a reply, and those that have come after it.
func (w *wire) takeAll(reply response.Response, err error, r *replyReader) bool {
	in := w.lock()
	defer w.unlock()
	for {
		if err != nil && (len(r.rest) > 0 || r.parser.IsPartial()) { // it began to say something
			in.lastWord = lastNothing
		}
		if !in.take(reply, err, len(r.rest) > 0) {
			return false
		}
		if reply, err = r.parse(); reply.IsZero() && err == nil {
			in.next()
			r.due = in.awaited.len() > 0
			if !r.due {
				r.relax()
			}
			return true
		}
	}
}

// take hands a reply to whom it answers and reports whether to go on reading. more says that
// further octets have come already, so that the owner need not be woken yet.
func (in *receiver) take(reply response.Response, err error, more bool) bool {
	if in.awaited.len() == 0 || !whole(in.awaited.front().step, reply) {
		reply = shorten(reply, maxReplyText)
	}
	in.maskSecrets(&reply, err)
	switch {
	case in.err != nil && err == nil && in.awaited.len() > 0: // it was read before the connection was given up
		e := in.awaited.front()
		in.lastWord = lastNothing
		if again, err := e.to.reply(in, e, reply); err == nil && !again {
			in.awaited.pop()
		}
		return true
	case in.err != nil:
		return false
	case err != nil:
		in.endedInOrder = errors.Is(err, io.EOF)
		in.timedOut = errors.Is(err, os.ErrDeadlineExceeded)
		in.ended = !in.timedOut
		switch {
		case errors.Is(err, io.EOF) && in.awaited.len() > 0:
			err = io.ErrUnexpectedEOF
		case in.timedOut && in.awaited.len() > 0:
			err = &limitError{limit: in.replyLimit, err: os.ErrDeadlineExceeded}
		}
		in.fail(err)
		return false
	}
	in.ahead = more
	if in.trace != nil {
		e := Event{Kind: EventReply, Text: traceText(reply)}
		if in.awaited.len() > 0 {
			e = e.about(in.awaited.front())
		}
		in.event(e)
	}
	if in.awaited.len() == 0 {
		in.fail(in.unsolicited(reply))
		return false
	}
	e, err := in.deliver(reply)
	if reply.Code == response.ServiceUnavailable {
		in.closing, in.reply421 = true, reply
	}
	switch {
	case err != nil:
		in.fail(err)
		return false
	case e.stopReader:
		if more {
			in.fail(ErrInjection)
		}
		in.replyDeadline = 0
		in.wire.notify()
		return false
	}
	if !more || in.awaited.len() == 0 {
		in.wire.notify()
	}
	return true
}

// deliver gives a reply to the command that it answers.
func (in *receiver) deliver(reply response.Response) (e expectation, err error) {
	for {
		e = in.awaited.front()
		in.lastWord = lastNothing
		again, err := e.to.reply(in, e, reply)
		if !again {
			in.awaited.pop()
		}
		if err != errNextCommand || in.awaited.len() == 0 { //nolint:errorlint // it is never wrapped
			return e, err
		}
	}
}

// unsolicited judges a reply that answers no command.
func (in *receiver) unsolicited(reply response.Response) error {
	switch {
	case len(in.bodies) > 0 && in.bodies[0].start <= in.left:
		return in.bodies[0].to.early(reply)
	case reply.Code == response.ServiceUnavailable: // RFC 5321 section 3.8 allows it at any time
		return &closedError{reply}
	}
	return unsolicitedError{&response.ProtocolError{Reason: ErrUnsolicited.Error(), Line: reply.String()}}
}

// endVisible reports whether the server has ended the stream, as far as that can be seen without waiting.
// Octets that are there although no reply is due are taken for its end too: they would break the connection. The
// lock is held.
func (in *receiver) endVisible() bool {
	return in.err != nil && in.ended || in.err == nil && in.awaited.len() == 0 && in.peeker.pending()
}

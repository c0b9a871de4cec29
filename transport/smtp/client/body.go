package client

import (
	"io"

	"github.com/depeche-mail/depeche/internal/bodyscan"
	"github.com/depeche-mail/depeche/internal/dotio"
	"github.com/depeche-mail/depeche/internal/ending"
)

// contentError says that the message itself could not be read to its end.
type contentError struct{ err error }

func (e *contentError) Error() string { return "source of the message: " + e.err.Error() }
func (e *contentError) Unwrap() error { return e.err }

// writeDATA queues and writes the content with stuffed dots. What it leaves queued ends the content.
func (c *Conn) writeDATA(tx *txn) error {
	c.filler = content{wire: c.wire}
	dots := dotio.NewWriter(&c.filler)
	if err := c.fill(tx, dots); err != nil {
		return err
	}
	return c.filler.judge(dots.Close())
}

// content queues content and writes it in large pieces. It never writes the last octet that it was
// given, so that the write that ends the content is a step of its own.
type content struct {
	wire  *wire
	total int64
	err   error // of the wire
}

// fill writes the mail of a transaction to w, which writes to c.filler, and tells faults of the mail from those
// of the wire. A mail that is shorter or longer than planned is a fault of the mail.
func (c *Conn) fill(tx *txn, w io.Writer) error {
	c.exact = bodyscan.Exact{W: w, Planned: tx.plan.size}
	write := tx.plan.mail.WriteTo
	if tx.endings = tx.lateEndings(); len(tx.endings) > 0 {
		write = tx.plan.mail.(ending.Late).WriteContent
	}
	_, err := write(&c.exact)
	if err == nil {
		err = c.exact.End()
	}
	c.exact.W = nil
	if err := c.filler.judge(err); err != nil {
		return err
	}
	if c.wire.tracing {
		c.wire.report(Event{Kind: EventContent, Octets: c.filler.total}.about(expectation{to: &tx.guarded}))
	}
	return nil
}

// judge returns the error of the connection, if that broke, and else err as that of the mail.
func (c *content) judge(err error) error {
	switch {
	case c.err != nil:
		return c.err
	case err != nil:
		return &contentError{err}
	}
	return nil
}

func (c *content) Write(p []byte) (int, error) {
	if c.err != nil || len(p) == 0 {
		return 0, c.err
	}
	c.total += int64(len(p))
	w := c.wire
	if len(w.out)+len(p) <= flightSize {
		w.reserve(len(p))
		w.out = append(w.out, p...)
		return len(p), nil
	}
	if len(w.out)+len(p) < 2*flightSize { // fill one flight, queue the rest
		room := flightSize - min(len(w.out), flightSize)
		w.reserve(room)
		w.out = append(w.out, p[:room]...)
		c.err = w.flush()
		w.reserve(len(p) - room)
		w.out = append(w.out, p[room:]...)
		return len(p), c.err
	}
	if c.err = w.flush(); c.err == nil {
		c.err = w.write(p[:len(p)-1])
	}
	w.out = append(w.out, p[len(p)-1])
	return len(p), c.err
}

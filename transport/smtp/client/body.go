package client

import (
	"io"

	"github.com/depeche-mail/depeche/internal/bodyscan"
	"github.com/depeche-mail/depeche/internal/dotio"
	"github.com/depeche-mail/depeche/internal/ending"
	"github.com/depeche-mail/depeche/transport/smtp/commands"
)

// contentError says that the message itself could not be read to its end.
type contentError struct{ err error }

func (e *contentError) Error() string { return "source of the message: " + e.err.Error() }
func (e *contentError) Unwrap() error { return e.err }

// writeBDAT corks and writes the content as one BDAT chunk. What it leaves corked ends the content.
func (c *Conn) writeBDAT(a *attempt) error {
	command := commands.Bdat{Size: a.plan.size, Last: true}
	line, err := command.AppendTo(c.link.out)
	if err != nil {
		return err
	}
	c.shown(expectation{to: a}, command, line[len(c.link.out):])
	c.link.out = line
	c.filler = content{link: c.link}
	return c.fill(a, &c.filler)
}

// writeDATA corks and writes the content with stuffed dots. What it leaves corked ends the content.
func (c *Conn) writeDATA(a *attempt) error {
	c.filler = content{link: c.link}
	dots := dotio.NewWriter(&c.filler)
	if err := c.fill(a, dots); err != nil {
		return err
	}
	if err := dots.Close(); err != nil {
		return &contentError{err}
	}
	return nil
}

// content corks content and writes it in large pieces. It never writes the last octet that it was
// given, so that the write that ends the content is a step of its own.
type content struct {
	link  *link
	total int64
	err   error // of the link
}

// fill writes the mail of an attempt to w, which writes to c.filler, and tells faults of the mail from those
// of the link. A mail that is shorter or longer than planned is a fault of the mail.
func (c *Conn) fill(a *attempt, w io.Writer) error {
	c.exact = bodyscan.Exact{W: w, Planned: a.plan.size}
	write := a.plan.mail.WriteTo
	if late, ok := a.plan.mail.(ending.Late); ok {
		if a.endings = late.LateEndings(); len(a.endings) > 0 {
			write = late.WriteContent
		}
	}
	_, err := write(&c.exact)
	if err == nil {
		err = c.exact.End()
	}
	c.exact.W = nil
	switch {
	case c.filler.err != nil:
		return c.filler.err
	case err != nil:
		return &contentError{err}
	}
	if c.link.trace != nil {
		c.link.report(Event{Kind: EventContent, Octets: c.filler.total}.about(expectation{to: a}))
	}
	return nil
}

func (c *content) Write(p []byte) (int, error) {
	if c.err != nil || len(p) == 0 {
		return 0, c.err
	}
	c.total += int64(len(p))
	l := c.link
	if len(l.out)+len(p) <= flightSize {
		l.out = append(l.out, p...)
		return len(p), nil
	}
	if len(l.out)+len(p) < 2*flightSize { // fill one flight, cork the rest
		room := flightSize - min(len(l.out), flightSize)
		l.out = append(l.out, p[:room]...)
		c.err = l.flush()
		l.out = append(l.out, p[room:]...)
		return len(p), c.err
	}
	if c.err = l.flush(); c.err == nil {
		c.err = l.write(p[:len(p)-1])
	}
	l.out = append(l.out, p[len(p)-1])
	return len(p), c.err
}

package commands

import (
	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport/smtp/extension"
)

// Rcpt adds a recipient to the transaction (RFC 5321 section 4.1.1.3).
type Rcpt struct {
	To     envelope.Address
	UTF8   bool // the transaction was started with SMTPUTF8; it overrides Params.UTF8
	Params extension.RcptParams
}

// Verb returns RCPT.
func (Rcpt) Verb() string { return "RCPT" }

// AppendTo appends the line.
func (c Rcpt) AppendTo(dst []byte) ([]byte, error) {
	c.Params.UTF8 = c.UTF8
	l := newLine(c.Verb(), dst)
	if c.To.IsNull() {
		return l.refuse("the null path cannot receive")
	}
	if err := c.Params.Check(); err != nil {
		return dst, refused(c.Verb(), err)
	}
	l.dst = append(l.dst, " TO:"...)
	if c.To.IsPostmaster() {
		l.dst = c.To.AppendTo(l.dst) // with its brackets
	} else {
		l.dst = append(c.To.AppendTo(append(l.dst, '<')), '>')
	}
	l.dst = c.Params.AppendTo(l.dst)
	return l.finish(charset(c.UTF8), c.Params.MaxLine())
}

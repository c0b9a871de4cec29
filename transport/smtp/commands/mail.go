package commands

import (
	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport/smtp/extension"
)

// Mail starts a transaction (RFC 5321 section 4.1.1.2). The null path sends as <>.
type Mail struct {
	From   envelope.Address
	Params extension.MailParams
}

// Verb returns MAIL.
func (Mail) Verb() string { return "MAIL" }

// AppendTo appends the line. A UTF-8 address is refused unless Params ask for SMTPUTF8.
func (c Mail) AppendTo(dst []byte) ([]byte, error) {
	if err := c.Params.Check(); err != nil {
		return dst, refused(c.Verb(), err)
	}
	l := newLine(c.Verb(), dst)
	if c.From.IsPostmaster() { // RFC 5321 section 4.1.1.2 has no such form
		return l.refuse(envelope.ErrNoDomain.Error())
	}
	l.dst = c.From.AppendTo(append(l.dst, " FROM:<"...))
	l.dst = c.Params.AppendTo(append(l.dst, '>'))
	return l.finish(charset(c.Params.SMTPUTF8), c.Params.MaxLine())
}

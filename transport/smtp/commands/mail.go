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
	start := len(dst)
	dst = c.From.AppendTo(append(dst, "MAIL FROM:<"...))
	dst = c.Params.AppendTo(append(dst, '>'))
	return finish(c.Verb(), dst, start, c.Params.SMTPUTF8)
}

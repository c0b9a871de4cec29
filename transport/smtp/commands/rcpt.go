package commands

import "github.com/depeche-mail/depeche/envelope"

// Rcpt adds a recipient to the transaction (RFC 5321 section 4.1.1.3).
type Rcpt struct {
	To   envelope.Address
	UTF8 bool // the transaction was started with SMTPUTF8
}

// Verb returns RCPT.
func (Rcpt) Verb() string { return "RCPT" }

// AppendTo appends the line.
func (c Rcpt) AppendTo(dst []byte) ([]byte, error) {
	if c.To.IsNull() {
		return dst, &ArgumentError{Verb: c.Verb(), Reason: "the null path cannot receive"}
	}
	start := len(dst)
	dst = append(c.To.AppendTo(append(dst, "RCPT TO:<"...)), '>')
	return finish(c.Verb(), dst, start, c.UTF8)
}

package commands

import "github.com/depeche-mail/depeche/transport/smtp/extension"

// Ehlo introduces the client and asks for the server's extensions (RFC 5321 section 4.1.1.1).
type Ehlo struct{ HelloName extension.HelloName }

// Verb returns EHLO.
func (Ehlo) Verb() string { return "EHLO" }

// AppendTo appends the line.
func (c Ehlo) AppendTo(dst []byte) ([]byte, error) { return hello(c.Verb(), c.HelloName, dst) }

func hello(verb string, client extension.HelloName, dst []byte) ([]byte, error) {
	l := newLine(verb, dst)
	if client.IsZero() {
		return l.refuse("no client name")
	}
	l.dst = append(append(l.dst, ' '), client.String()...)
	return l.finish(ascii, maxLine)
}

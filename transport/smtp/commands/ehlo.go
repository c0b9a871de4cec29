package commands

import "github.com/depeche-mail/depeche/transport/smtp/extension"

// Ehlo introduces the client and asks for the server's extensions (RFC 5321 section 4.1.1.1).
type Ehlo struct{ Client extension.ClientID }

// Verb returns EHLO.
func (Ehlo) Verb() string { return "EHLO" }

// AppendTo appends the line.
func (c Ehlo) AppendTo(dst []byte) ([]byte, error) { return hello(c.Verb(), c.Client, dst) }

func hello(verb string, client extension.ClientID, dst []byte) ([]byte, error) {
	if client.IsZero() {
		return dst, &ArgumentError{Verb: verb, Reason: "no client name"}
	}
	start := len(dst)
	dst = append(append(append(dst, verb...), ' '), client.String()...)
	return finish(verb, dst, start, false)
}

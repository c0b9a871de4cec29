package commands

import "github.com/depeche-mail/depeche/transport/smtp/extension"

// Helo introduces the client to a server without extensions (RFC 5321 section 4.1.1.1).
type Helo struct{ HelloName extension.HelloName }

// Verb returns HELO.
func (Helo) Verb() string { return "HELO" }

// AppendTo appends the line.
func (c Helo) AppendTo(dst []byte) ([]byte, error) { return hello(c.Verb(), c.HelloName, dst) }

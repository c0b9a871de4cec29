package commands

import "github.com/depeche-mail/depeche/transport/smtp/extension"

// Lhlo is what EHLO is to an LMTP server (RFC 2033 section 4.1).
type Lhlo struct{ HelloName extension.HelloName }

// Verb returns LHLO.
func (Lhlo) Verb() string { return "LHLO" }

// AppendTo appends the line.
func (c Lhlo) AppendTo(dst []byte) ([]byte, error) { return hello(c.Verb(), c.HelloName, dst) }

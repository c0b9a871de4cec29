package commands

// Noop asks for a reply and nothing else (RFC 5321 section 4.1.1.9).
type Noop struct{}

// Verb returns NOOP.
func (Noop) Verb() string { return "NOOP" }

// AppendTo appends the line.
func (c Noop) AppendTo(dst []byte) ([]byte, error) { return simple(c.Verb(), dst) }

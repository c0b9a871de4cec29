package commands

// Rset aborts the current transaction (RFC 5321 section 4.1.1.5).
type Rset struct{}

// Verb returns RSET.
func (Rset) Verb() string { return "RSET" }

// AppendTo appends the line.
func (c Rset) AppendTo(dst []byte) ([]byte, error) { return simple(c.Verb(), dst) }

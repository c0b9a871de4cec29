package commands

// Quit ends the session (RFC 5321 section 4.1.1.10).
type Quit struct{}

// Verb returns QUIT.
func (Quit) Verb() string { return "QUIT" }

// AppendTo appends the line.
func (c Quit) AppendTo(dst []byte) ([]byte, error) { return simple(c.Verb(), dst) }

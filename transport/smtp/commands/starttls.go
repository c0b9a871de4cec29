package commands

// Starttls starts TLS on the connection (RFC 3207 section 4).
type Starttls struct{}

// Verb returns STARTTLS.
func (Starttls) Verb() string { return "STARTTLS" }

// AppendTo appends the line.
func (c Starttls) AppendTo(dst []byte) ([]byte, error) { return simple(c.Verb(), dst) }

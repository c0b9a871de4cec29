package commands

// StartTLS starts TLS on the connection (RFC 3207 section 4).
type StartTLS struct{}

// Verb returns STARTTLS.
func (StartTLS) Verb() string { return "STARTTLS" }

// AppendTo appends the line.
func (c StartTLS) AppendTo(dst []byte) ([]byte, error) { return simple(c.Verb(), dst) }

package commands

// Data announces the content, which ends with a lone dot (RFC 5321 section 4.1.1.4).
type Data struct{}

// Verb returns DATA.
func (Data) Verb() string { return "DATA" }

// AppendTo appends the line.
func (c Data) AppendTo(dst []byte) ([]byte, error) { return simple(c.Verb(), dst) }

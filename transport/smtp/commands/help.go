package commands

// Help asks for information, about a topic where there is one (RFC 5321 section 4.1.1.8).
type Help struct {
	Topic string // one word, or "" for none
}

// Verb returns HELP.
func (Help) Verb() string { return "HELP" }

// AppendTo appends the line.
func (c Help) AppendTo(dst []byte) ([]byte, error) {
	if c.Topic == "" {
		return simple(c.Verb(), dst)
	}
	return newLine(c.Verb(), dst).finishWord(c.Topic, ascii)
}

package commands

// Expn asks for the members of a mailing list (RFC 5321 section 4.1.1.7).
type Expn struct {
	// Target is the name of the list, one word in which only quotes may hold blanks.
	Target string
	UTF8   bool // allow UTF-8 in Target and in the reply, where the server offers SMTPUTF8
}

// Verb returns EXPN.
func (Expn) Verb() string { return "EXPN" }

// AppendTo appends the line.
func (c Expn) AppendTo(dst []byte) ([]byte, error) {
	return newLine(c.Verb(), dst).finishWord(c.Target, charset(c.UTF8))
}

package commands

// Vrfy asks whether a string is a user or a mailbox (RFC 5321 section 4.1.1.6).
type Vrfy struct {
	// Target is a user name or a mailbox, one word in which only quotes may hold blanks.
	Target string
	UTF8   bool // allow UTF-8 in Target and in the reply, where the server offers SMTPUTF8
}

// Verb returns VRFY.
func (Vrfy) Verb() string { return "VRFY" }

// AppendTo appends the line.
func (c Vrfy) AppendTo(dst []byte) ([]byte, error) {
	return newLine(c.Verb(), dst).finishWord(c.Target, charset(c.UTF8))
}

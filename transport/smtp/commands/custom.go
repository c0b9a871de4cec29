package commands

import "slices"

// Custom is a command that this package does not know, such as ETRN or a private X command.
type Custom struct {
	// Name is the command: 2 to 32 letters, digits and hyphens that begin with a letter. Commands of
	// this package are refused, because the client has to know what state they lead to.
	Name string
	// Arguments is what follows the name and a space, "" for nothing.
	Arguments string
	UTF8      bool // allow UTF-8 in Arguments
}

// stateful are the commands whose replies a client must understand to know where it is, with those of
// extensions that this package does not have.
var stateful = []string{
	"EHLO", "HELO", "LHLO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", "BDAT", "RSET", "QUIT",
	"BURL", "SEND", "SOML", "SAML", "TURN", "ATRN",
}

// Verb returns Name in upper case, or CUSTOM when Name cannot be the name of a command.
func (c Custom) Verb() string {
	if !isName(c.Name) {
		return "CUSTOM"
	}
	name := []byte(c.Name)
	for i, ch := range name {
		if 'a' <= ch && ch <= 'z' {
			name[i] = ch - ('a' - 'A')
		}
	}
	return string(name)
}

// AppendTo appends the line.
func (c Custom) AppendTo(dst []byte) ([]byte, error) {
	verb := c.Verb()
	switch {
	case !isName(c.Name):
		return dst, &ArgumentError{Verb: verb, Reason: "want a name of 2 to 32 letters, digits and hyphens"}
	case slices.Contains(stateful, verb):
		return dst, &ArgumentError{Verb: verb, Reason: "it changes the state of the session and cannot be a custom command"}
	}
	l := newLine(verb, dst)
	if c.Arguments != "" {
		l.dst = append(append(l.dst, ' '), c.Arguments...)
	}
	return l.finish(charset(c.UTF8), maxLine)
}

func isName(s string) bool {
	for i := range len(s) {
		c := s[i] | 0x20 // letters in lower case; digits and the hyphen have that bit already
		switch {
		case 'a' <= c && c <= 'z' && s[i] >= 'A':
		case i > 0 && (s[i] >= '0' && s[i] <= '9' || s[i] == '-'):
		default:
			return false
		}
	}
	return len(s) >= 2 && len(s) <= 32
}

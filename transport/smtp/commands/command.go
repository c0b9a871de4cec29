// Package commands turns SMTP commands into the octets of one line. It is the one place where
// arguments become part of the wire, so it is here that anything that could end a line or a
// parameter early is refused.
package commands

import (
	"fmt"
	"unicode/utf8"
)

// Command is one line that a client sends.
type Command interface {
	// Verb names the command for errors and traces, such as "MAIL".
	Verb() string
	// AppendTo appends the line with its CRLF to dst. It returns an *ArgumentError and dst
	// unchanged when an argument must not go on the wire.
	AppendTo(dst []byte) ([]byte, error)
}

// maxLine limits a command line with its CRLF. RFC 5321 section 4.5.3.1.4 says 512, which
// extensions enlarge; the parameters this package writes fit into what they allow together.
const maxLine = 2048

// ArgumentError says that an argument was refused before anything was sent.
type ArgumentError struct {
	Verb   string
	Reason string
}

// Error names the command and the reason; the argument may be a secret and is left out.
func (e *ArgumentError) Error() string {
	return fmt.Sprintf("%s command not sent: %s", e.Verb, e.Reason)
}

// finish ends the line that was appended to dst behind its first start octets. Octets above 127 are
// refused unless the command may carry UTF-8.
func finish(verb string, dst []byte, start int, utf8Allowed bool) ([]byte, error) {
	line := dst[start:]
	if len(line)+2 > maxLine {
		return dst[:start], &ArgumentError{Verb: verb, Reason: fmt.Sprintf("line of %d octets, at most %d", len(line)+2, maxLine)}
	}
	ascii := true
	for _, c := range line {
		if c < ' ' || c == 0x7f {
			return dst[:start], &ArgumentError{Verb: verb, Reason: "control character in argument"}
		}
		ascii = ascii && c < utf8.RuneSelf
	}
	switch {
	case !ascii && !utf8Allowed:
		return dst[:start], &ArgumentError{Verb: verb, Reason: "octet above 127 in argument without SMTPUTF8"}
	case !ascii && !utf8.Valid(line):
		return dst[:start], &ArgumentError{Verb: verb, Reason: "argument is not valid UTF-8"}
	}
	return append(dst, '\r', '\n'), nil
}

// simple is a command without arguments.
func simple(verb string, dst []byte) ([]byte, error) {
	return append(append(dst, verb...), '\r', '\n'), nil
}

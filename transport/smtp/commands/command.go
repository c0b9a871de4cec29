// Package commands turns SMTP commands into the octets of one line. It is the one place where
// arguments become part of the wire, so it is here that anything that could end a line or a
// parameter early is refused.
//
// It is for programs that send commands of their own by client.Conn.Command.
package commands

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"unicode/utf8"
)

// Command is one line that a client sends. Only this package has commands, so that nothing gets on the
// wire unchecked; Custom is for all others.
type Command interface {
	// Verb names the command for errors and traces, such as "MAIL".
	Verb() string
	// AppendTo appends the line with its CRLF to dst. It returns an *ArgumentError and dst
	// unchanged when an argument must not go on the wire.
	AppendTo(dst []byte) ([]byte, error)

	sealed()
}

// Limits of a line with its CRLF.
const (
	maxLine     = 512   // RFC 5321 section 4.5.3.1.4; extensions enlarge it for their commands
	maxAuthLine = 12288 // RFC 4954 section 4
)

// ArgumentError says that an argument was refused before anything was sent.
type ArgumentError struct {
	Verb   string
	Reason string
	Err    error // an *extension.ParamError where a parameter was refused, else nil
}

// Error names the command and the reason; the argument may be a secret and is left out unless it is a
// parameter of MAIL or RCPT.
func (e *ArgumentError) Error() string {
	return fmt.Sprintf("%s command not sent: %s", e.Verb, e.Reason)
}

// Unwrap returns Err.
func (e *ArgumentError) Unwrap() error { return e.Err }

// refused wraps the error of a parameter.
func refused(verb string, err error) error {
	return &ArgumentError{Verb: verb, Reason: err.Error(), Err: err}
}

// charset says which octets above 127 a line may hold.
type charset bool

const (
	ascii charset = false // none
	utf8s charset = true  // those of UTF-8, because SMTPUTF8 was offered
)

// line is a command line under construction, after what the buffer held before.
type line struct {
	verb  string
	dst   []byte
	start int // of the line in dst
}

// newLine begins a line with the verb.
func newLine(verb string, dst []byte) line {
	return line{verb: verb, dst: append(dst, verb...), start: len(dst)}
}

// finish checks the line and ends it.
func (l line) finish(chars charset, limit int) ([]byte, error) {
	text := l.dst[l.start:]
	if size := len(text) + len("\r\n"); size > limit {
		return l.refuse(fmt.Sprintf("line of %d octets, at most %d", size, limit))
	}
	plain := isPrintable(text)
	if !plain && bytes.ContainsFunc(text, isControl) {
		return l.refuse("control character in argument")
	}
	switch {
	case plain:
	case chars == ascii:
		return l.refuse("octet above 127 in argument without SMTPUTF8")
	case !utf8.Valid(text):
		return l.refuse("argument is not valid UTF-8")
	}
	return append(l.dst, '\r', '\n'), nil
}

// isPrintable reports whether text is printable ASCII. It looks at eight octets at a time, because every
// line goes through it and many carry an address of some length.
func isPrintable(text []byte) bool {
	const (
		each = 0x0101010101010101
		high = 0x80 * each
	)
	for len(text) >= 8 {
		x := binary.LittleEndian.Uint64(text)
		// Where no octet is above 127, x-' '*each borrows from the high bit of one below the space, and
		// x+each carries into that of 0x7f.
		if (x|(x-' '*each)|(x+each))&high != 0 {
			return false
		}
		text = text[8:]
	}
	for _, c := range text {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return true
}

// isControl reports whether r is a control character of ASCII.
func isControl(r rune) bool { return r < ' ' || r == 0x7f }

func (l line) refuse(reason string) ([]byte, error) {
	return l.dst[:l.start], &ArgumentError{Verb: l.verb, Reason: reason}
}

// simple is a command without arguments.
func simple(verb string, dst []byte) ([]byte, error) {
	return append(append(dst, verb...), '\r', '\n'), nil
}

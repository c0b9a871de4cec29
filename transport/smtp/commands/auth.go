package commands

import (
	"encoding/base64"
	"fmt"
)

// Auth starts an authentication exchange (RFC 4954 section 4).
type Auth struct {
	// Mechanism is the name of the mechanism: up to 20 capital letters, digits, hyphens and
	// underscores (RFC 4422 section 3.1).
	Mechanism string
	// Initial is the initial response; nil sends none, an empty one is sent as "=".
	Initial []byte
}

// Verb returns AUTH.
func (Auth) Verb() string { return "AUTH" }

// AppendTo appends the line.
func (c Auth) AppendTo(dst []byte) ([]byte, error) {
	l := newLine(c.Verb(), dst)
	if !isMechanism(c.Mechanism) {
		return l.refuse("not the name of a mechanism")
	}
	l.dst = append(append(l.dst, ' '), c.Mechanism...)
	switch {
	case c.Initial == nil:
	case len(c.Initial) == 0:
		l.dst = append(l.dst, " ="...)
	default:
		return l.finishBase64(append(l.dst, ' '), c.Initial)
	}
	return l.finish(ascii, maxAuthLine)
}

// AuthResponse answers a challenge of the server.
type AuthResponse struct{ Response []byte }

// Verb returns AUTH.
func (AuthResponse) Verb() string { return "AUTH" }

// AppendTo appends the line.
func (c AuthResponse) AppendTo(dst []byte) ([]byte, error) {
	l := line{verb: c.Verb(), dst: dst, start: len(dst)}
	return l.finishBase64(dst, c.Response)
}

// finishBase64 ends a line with octets in base64. The length is checked first, so that a secret is not
// written to the buffer in vain.
func (l line) finishBase64(dst, octets []byte) ([]byte, error) {
	size := len(dst) - l.start + base64.StdEncoding.EncodedLen(len(octets)) + len("\r\n")
	if size > maxAuthLine {
		return l.refuse(fmt.Sprintf("line of %d octets, at most %d", size, maxAuthLine))
	}
	return append(base64.StdEncoding.AppendEncode(dst, octets), '\r', '\n'), nil
}

// AuthCancel ends an exchange from the client's side (RFC 4954 section 4).
type AuthCancel struct{}

// Verb returns AUTH.
func (AuthCancel) Verb() string { return "AUTH" }

// AppendTo appends the line.
func (AuthCancel) AppendTo(dst []byte) ([]byte, error) { return simple("*", dst) }

func isMechanism(s string) bool {
	for i := range len(s) {
		c := s[i]
		if c != '-' && c != '_' && (c < '0' || c > '9') && (c < 'A' || c > 'Z') {
			return false
		}
	}
	return s != "" && len(s) <= 20
}

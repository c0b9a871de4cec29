package mimeread

import (
	"bytes"
	"io"
)

// newQuotedPrintableReader returns what r stands for (RFC 2045 section 6.7). Lines may have any length; blanks
// at line ends, which relays add, are dropped (rule 3); "=" that begins nothing stays.
func newQuotedPrintableReader(r io.Reader) io.Reader {
	var q quotedPrintableDecoder
	return &decodingReader{r: r, decode: q.decode}
}

// quotedPrintableDecoder keeps what the octets to come decide about.
type quotedPrintableDecoder struct {
	held []byte // blanks, or the beginning of an escape or of a soft line end
	room []byte
}

// maxHeld bounds the blanks that wait for the end of their line.
const maxHeld = 64 << 10

func (q *quotedPrintableDecoder) decode(dst, src []byte, last bool) []byte {
	q.room = append(append(q.room[:0], q.held...), src...)
	rest := q.room
	q.held = q.held[:0]
	for len(rest) > 0 {
		switch c := rest[0]; {
		case c == '=':
			n, size, more := escape(rest)
			if more && !last && len(rest) < maxHeld {
				q.held = append(q.held, rest...)
				return dst
			}
			if size > 0 {
				dst = append(dst, n)
				rest = rest[size:]
			} else if soft := softEnd(rest); soft > 0 {
				rest = rest[soft:]
			} else {
				dst = append(dst, c)
				rest = rest[1:]
			}
		case isBlank(c):
			n := len(rest) - len(bytes.TrimLeft(rest, " \t"))
			if n == len(rest) && !last && n < maxHeld {
				q.held = append(q.held, rest...)
				return dst
			}
			if n < len(rest) && rest[n] != '\r' && rest[n] != '\n' {
				dst = append(dst, rest[:n]...)
			}
			rest = rest[n:]
		default:
			n := bytes.IndexAny(rest, "= \t")
			if n < 0 {
				n = len(rest)
			}
			dst = append(dst, rest[:n]...)
			rest = rest[n:]
		}
	}
	return dst
}

// escape reads the "=" that s begins with: the octet that it stands for and how long it is, or whether more
// octets are needed to tell.
func escape(s []byte) (value byte, size int, more bool) {
	if len(s) >= 3 {
		if value, ok := unhex(s[1], s[2]); ok {
			return value, 3, false
		}
	}
	line := bytes.TrimLeft(s[1:], " \t")
	switch {
	case len(line) == 0, len(line) == 1 && line[0] == '\r':
		return 0, 0, true
	case len(s) == 2:
		_, ok := digit(s[1])
		return 0, 0, ok
	}
	return 0, 0, false
}

// softEnd returns the length of the soft line end that s begins with, which may have blanks in it.
func softEnd(s []byte) int {
	blanks := len(s) - 1 - len(bytes.TrimLeft(s[1:], " \t"))
	switch rest := s[1+blanks:]; {
	case len(rest) == 0, len(rest) == 1 && rest[0] == '\r': // the end of everything
		return len(s)
	case rest[0] == '\r' && rest[1] == '\n':
		return 1 + blanks + 2
	case rest[0] == '\n', rest[0] == '\r':
		return 1 + blanks + 1
	}
	return 0
}

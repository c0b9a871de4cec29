package mimewire

import (
	"strings"

	"github.com/depeche-mail/depeche/internal/words"
)

// qpMost is how many characters a line of quoted-printable has before its soft end (RFC 2045
// section 6.7 rule 5).
const qpMost = 75

// qpLiteral marks the octets that quoted-printable leaves alone inside a line.
var qpLiteral = func() (literal [256]bool) {
	for c := ' '; c <= '~'; c++ {
		literal[c] = c != '='
	}
	literal['\t'] = true
	return literal
}()

// AppendQP appends a text whose lines end in LF or CRLF, with CRLF everywhere.
func AppendQP(dst []byte, text string) []byte {
	column := 0
	for i := 0; i < len(text); {
		c := text[i]
		switch {
		case c == '\r' || c == '\n':
			if i++; c == '\r' {
				i++
			}
			dst, column = append(dst, '\r', '\n'), 0
			continue
		case column == qpMost || column > qpMost-3 && !qpLiteral[c]:
			dst, column = append(dst, '=', '\r', '\n'), 0
		}
		if qpLiteral[c] && (column > 0 || !unsafeStart(text[i:])) {
			if n := plainRun(text[i:], qpMost-column); n > 0 {
				dst = append(dst, text[i:i+n]...)
				column, i = column+n, i+n
				continue
			}
		}
		if column > qpMost-3 { // a blank
			dst, column = append(dst, '=', '\r', '\n'), 0
		}
		dst = append(dst, '=', upperHex[c>>4], upperHex[c&15])
		column += 3
		i++
	}
	return dst
}

// plainRun returns how many octets of text, at most so many, stand for themselves: none that must be written in hexadecimal, ends a
// line, or is a blank before a line end.
func plainRun(text string, limit int) int {
	room := text[:min(len(text), limit)]
	n := words.Run(room, '=')
	for n < len(room) && qpLiteral[room[n]] { // a tab
		n++
	}
	if n > 0 && isBlank(text[n-1]) && lineEnds(text[n:]) {
		n--
	}
	return n
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }

func lineEnds(rest string) bool { return rest == "" || rest[0] == '\r' || rest[0] == '\n' }

// unsafeStart reports whether a line must not begin like this: dots get lost in some relays, "From "
// gets a bracket in mailbox files, and dashes could begin a delimiter.
func unsafeStart(text string) bool {
	switch text[0] {
	case '.':
		return true
	case 'F':
		return strings.HasPrefix(text, "From ")
	case '-':
		return strings.HasPrefix(text, "--")
	}
	return false
}

// AppendExactQP appends content that is not text: only CRLF ends a line, and every other control
// character is written in hexadecimal.
func AppendExactQP(dst []byte, content string) []byte {
	for {
		line, rest, more := strings.Cut(content, "\r\n")
		dst = appendExactLine(dst, line)
		if !more {
			return dst
		}
		dst = append(dst, '\r', '\n')
		content = rest
	}
}

func appendExactLine(dst []byte, line string) []byte {
	column := 0
	for i := range len(line) {
		c := line[i]
		literal := qpLiteral[c] && (!isBlank(c) || i < len(line)-1)
		if column == qpMost || column > qpMost-3 && !literal {
			dst, column = append(dst, '=', '\r', '\n'), 0
		}
		if literal && column == 0 && unsafeStart(line[i:]) {
			literal = false
		}
		if literal {
			dst = append(dst, c)
			column++
			continue
		}
		dst = append(dst, '=', upperHex[c>>4], upperHex[c&15])
		column += 3
	}
	return dst
}

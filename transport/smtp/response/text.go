package response

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// printable returns p with everything replaced that could harm a log or a terminal: control
// characters, invalid UTF-8, and what reorders or breaks lines without being seen.
func printable(p []byte) string {
	s := string(p)
	for i := range len(s) {
		if s[i] < ' ' || s[i] >= 0x7f {
			return strings.Map(visible, s)
		}
	}
	return s
}

func visible(r rune) rune {
	if r == utf8.RuneError || !unicode.IsGraphic(r) {
		return '?'
	}
	return r
}

func protocolError(reason string, line []byte) error {
	const most = 80
	return &ProtocolError{Reason: reason, Line: printable(line[:min(len(line), most)])}
}

// Package printable makes octets of strangers fit for logs and terminals. The mask of secrets uses it too, because an
// echo of a secret is shown as this package shows it.
package printable

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Text returns s with "?" in place of everything that could harm a log or a terminal: control characters, invalid
// UTF-8, and what reorders or breaks lines without being seen.
func Text(s string) string {
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

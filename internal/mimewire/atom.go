package mimewire

import (
	"strings"
	"unicode/utf8"
)

// IsAtoms reports whether s consists of atoms (RFC 5322 section 3.2.3, with UTF-8 as in RFC 6532
// section 3.2) with single spaces between them.
func IsAtoms(s string) bool {
	space := true
	for i := range len(s) {
		if s[i] == ' ' {
			if space {
				return false
			}
			space = true
			continue
		}
		if !IsAtomChar(s[i]) {
			return false
		}
		space = false
	}
	return !space
}

// IsWords reports whether s consists of ASCII letters and digits with single spaces between words: atoms that nothing takes for
// anything else.
func IsWords(s string) bool {
	space := true
	for i := range len(s) {
		isSpace := s[i] == ' '
		if isSpace && space || !isSpace && !alphanumeric[s[i]] {
			return false
		}
		space = isSpace
	}
	return !space
}

var alphanumeric = func() (is [256]bool) {
	for c := range is {
		is[c] = IsAlphanumeric(byte(c))
	}
	return is
}()

// IsAtomChar reports whether c may be in an atom.
func IsAtomChar(c byte) bool { return atomChars[c] }

var atomChars = func() (atom [256]bool) {
	for c := range 256 {
		atom[c] = IsAlphanumeric(byte(c)) || c >= utf8.RuneSelf || strings.IndexByte("!#$%&'*+-/=?^_`{|}~", byte(c)) >= 0
	}
	return atom
}()

package envelope

import (
	"fmt"
	"strings"
	"unicode"

	"golang.org/x/net/idna"
)

// checkVisible returns what in a local part people can't see: controls, separators, zero-width characters and marks of
// direction. Two addresses that look the same would be two mailboxes. Joiners count as seen where RFC 5892 appendix A
// lets them change what is shown.
func checkVisible(local string) string {
	joined := false
	for _, r := range local {
		switch {
		case r == zeroWidthNonJoiner || r == zeroWidthJoiner:
			joined = true
		case isUnseen(r):
			return fmt.Sprintf("character %U in local part, which people can't see", r)
		}
	}
	if joined {
		if _, err := joiners.ToASCII(strings.ReplaceAll(local, ".", "")); err != nil {
			return "a joiner in local part where it joins nothing (RFC 5892 appendix A)"
		}
	}
	return ""
}

// isUnseen reports whether people can't see a character, or take it for a blank.
func isUnseen(r rune) bool { return r >= 0x80 && unicode.In(r, unicode.C, unicode.Z) }

const (
	zeroWidthNonJoiner = '\u200c'
	zeroWidthJoiner    = '\u200d'
)

// joiners checks joiners and nothing else.
var joiners = idna.New(idna.CheckJoiners(true), idna.StrictDomainName(false))

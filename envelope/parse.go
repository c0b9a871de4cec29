package envelope

import "strings"

// ParseAddress parses an address without display name, comments or angle brackets, such as
// "user@example.org" or `"odd local"@[192.0.2.1]`. The whole input must be the address: nothing is
// trimmed, decoded or repaired, because an address that is not quite one must not go elsewhere. Only [Postmaster] is
// written in angle brackets and without a domain: "<Postmaster>", in letters of either case.
func ParseAddress(s string) (Address, error) {
	if a, ok := usual(s); ok {
		return a, nil
	}
	return parse(s)
}

// parse reads an address of any form.
func parse(s string) (Address, error) {
	if strings.EqualFold(s, postmaster) {
		return Postmaster(), nil
	}
	local, rest, err := parseLocal(s)
	if err != nil {
		return Address{}, err
	}
	if reason := checkLocal(local); reason != "" {
		return Address{}, &ParseError{Input: s, Reason: reason}
	}
	if !strings.HasPrefix(rest, "@") {
		return Address{}, &ParseError{Input: s, Offset: len(s) - len(rest), Reason: "expected @"}
	}
	domain, reason := canonicalDomain(rest[1:])
	if reason != "" {
		return Address{}, &ParseError{Input: s, Offset: len(s) - len(rest) + 1, Reason: reason}
	}
	a, reason := join(local, domain, s)
	if reason != "" {
		return Address{}, &ParseError{Input: s, Reason: reason}
	}
	return a, nil
}

// Octets of the usual addresses.
const (
	inLocal  = 1 << iota // of an atom (RFC 5321 section 4.1.2)
	inDomain             // a letter in lower case, a digit or a hyphen
)

var octets = func() (kinds [256]uint8) {
	for c := range byte(0x80) {
		if isAtext(c) {
			kinds[c] |= inLocal
		}
		if checkLabel("a"+string(c)+"a") == "" {
			kinds[c] |= inDomain
		}
	}
	return kinds
}()

// usual reads an address that stands in s as it will be kept: a short dot-atom and a domain in lower case. Nearly all
// addresses are like this, and they are read in one pass; ok is false for all others, good or not.
func usual(s string) (a Address, ok bool) {
	const short = maxLocal - 1 // of all labels and of both parts together
	if len(s) > short {
		return Address{}, false
	}
	kind, at, word := uint8(inLocal), 0, 0 // where the word begins that is read
	for i := range len(s) {
		switch c := s[i]; {
		case octets[c]&kind != 0:
			if c == '-' && kind == inDomain && (i == word || s[i-1] == '-') {
				return Address{}, false // hyphens where they must not be, or the mark of an A-label
			}
		case i == word: // no word is empty
			return Address{}, false
		case c == '.':
			if kind == inDomain && s[i-1] == '-' {
				return Address{}, false
			}
			word = i + 1
		case c == '@' && kind == inLocal:
			kind, at, word = inDomain, i, i+1
		default:
			return Address{}, false
		}
	}
	if at == 0 || word == len(s) || s[len(s)-1] == '-' {
		return Address{}, false
	}
	return Address{wire: s}, true
}

// parseLocal reads a dot-atom or a quoted string and returns it decoded, with what follows it.
func parseLocal(s string) (local, rest string, err error) {
	if strings.HasPrefix(s, `"`) {
		return parseQuoted(s)
	}
	end := 0
	for end < len(s) && (isAtext(s[end]) || s[end] == '.') {
		end++
	}
	if !isDotAtom(s[:end]) {
		return "", "", &ParseError{Input: s, Offset: end, Reason: "expected a local part"}
	}
	return s[:end], s[end:], nil
}

func parseQuoted(s string) (local, rest string, err error) {
	var text strings.Builder
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '"':
			return text.String(), s[i+1:], nil
		case '\\':
			i++
			if i == len(s) {
				return "", "", &ParseError{Input: s, Offset: i, Reason: "unfinished escape"}
			}
		}
		text.WriteByte(s[i])
	}
	return "", "", &ParseError{Input: s, Offset: len(s), Reason: "unfinished quoted local part"}
}

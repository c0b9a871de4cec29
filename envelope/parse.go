package envelope

import "strings"

// ParseAddress parses an address without display name, comments or angle brackets, such as
// "user@example.org" or `"odd local"@[192.0.2.1]`. The whole input must be the address: nothing is
// trimmed, decoded or repaired, because an address that is not quite one must not go elsewhere.
func ParseAddress(s string) (Address, error) {
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
	a := Address{local: local, domain: domain}
	if reason := a.tooLong(); reason != "" {
		return Address{}, &ParseError{Input: s, Reason: reason}
	}
	return a, nil
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

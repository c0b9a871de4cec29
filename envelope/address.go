package envelope

import (
	"strings"
	"unicode/utf8"
)

// Address is one mailbox: a local part and a domain. The zero Address is the null path <>, which
// may only send. Addresses are comparable with ==: domains are kept in lower-case A-label form,
// local parts are kept exactly as given (RFC 5321 section 2.4 makes their case significant).
type Address struct {
	local  string // without quotes and escapes
	domain string // A-labels in lower case, or an address literal in brackets
}

// NewAddress returns the address of a local part, given without quotes, and a domain, given as
// A-labels, U-labels or an address literal in brackets.
func NewAddress(local, domain string) (Address, error) {
	if reason := checkLocal(local); reason != "" {
		return Address{}, &ParseError{Input: local, Reason: reason}
	}
	canonical, reason := canonicalDomain(domain)
	if reason != "" {
		return Address{}, &ParseError{Input: domain, Reason: reason}
	}
	a := Address{local: local, domain: canonical}
	if reason := a.tooLong(); reason != "" {
		return Address{}, &ParseError{Input: local + "@" + domain, Reason: reason}
	}
	return a, nil
}

// LocalPart returns the local part without quotes.
func (a Address) LocalPart() string { return a.local }

// Domain returns the domain in A-label form, or the address literal in brackets.
func (a Address) Domain() string { return a.domain }

// IsNull reports whether a is the null path.
func (a Address) IsNull() bool { return a == Address{} }

// NeedsSMTPUTF8 reports whether only servers with the SMTPUTF8 extension (RFC 6531) can carry a.
// The domain never needs it.
func (a Address) NeedsSMTPUTF8() bool { return !isASCII(a.local) }

// String returns the address as SMTP and header fields write it, with the local part quoted where
// the grammar asks for it, and "" for the null path.
func (a Address) String() string {
	if a.IsNull() {
		return ""
	}
	return string(a.AppendTo(make([]byte, 0, len(a.local)+len(a.domain)+1)))
}

// AppendTo appends what String returns to dst.
func (a Address) AppendTo(dst []byte) []byte {
	if a.IsNull() {
		return dst
	}
	if isDotAtom(a.local) {
		dst = append(dst, a.local...)
	} else {
		dst = append(dst, '"')
		for i := range len(a.local) {
			if c := a.local[i]; c == '"' || c == '\\' {
				dst = append(dst, '\\')
			}
			dst = append(dst, a.local[i])
		}
		dst = append(dst, '"')
	}
	dst = append(dst, '@')
	return append(dst, a.domain...)
}

// MarshalText returns what String returns.
func (a Address) MarshalText() ([]byte, error) { return a.AppendTo(nil), nil }

// UnmarshalText parses an address; empty text is the null path.
func (a *Address) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*a = Address{}
		return nil
	}
	parsed, err := ParseAddress(string(text))
	if err == nil {
		*a = parsed
	}
	return err
}

// Length limits of RFC 5321 section 4.5.3.1: a path of 256 octets holds an address of 254.
const (
	maxLocal   = 64
	maxDomain  = 255
	maxAddress = 254
)

// tooLong returns which limit a passes, or "".
func (a Address) tooLong() string {
	if len(a.local) <= maxLocal/2-1 && len(a.domain) <= maxAddress-maxLocal-1 { // fits, however it is quoted
		return ""
	}
	wire := a.AppendTo(make([]byte, 0, maxAddress))
	switch {
	case len(wire)-len(a.domain)-1 > maxLocal:
		return "local part longer than 64 octets"
	case len(wire) > maxAddress:
		return "longer than 254 octets"
	}
	return ""
}

// checkLocal returns what makes a local part unusable in any quoting, or "".
func checkLocal(local string) string {
	switch {
	case local == "":
		return "empty local part"
	case !utf8.ValidString(local):
		return "local part is not valid UTF-8"
	case strings.ContainsFunc(local, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return "control character in local part"
	case isASCII(local):
		return ""
	}
	return checkVisible(local)
}

// isDotAtom reports whether s may stand unquoted: atoms of RFC 5321 section 4.1.2, extended by
// UTF-8 as in RFC 6531 section 3.3, joined by single dots.
func isDotAtom(s string) bool {
	if s == "" || s[0] == '.' || s[len(s)-1] == '.' {
		return false
	}
	for i := range len(s) {
		if c := s[i]; c == '.' && s[i-1] == '.' || c != '.' && !isAtext(c) {
			return false
		}
	}
	return true
}

func isAtext(c byte) bool {
	return c >= utf8.RuneSelf || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
		strings.IndexByte("!#$%&'*+-/=?^_`{|}~", c) >= 0
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

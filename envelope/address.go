package envelope

import (
	"strings"
	"unicode/utf8"

	"github.com/depeche-mail/depeche/internal/ascii"
)

// Address is one mailbox: a local part and a domain. The zero Address is the null path <>, which
// may only send. Addresses are comparable with ==: domains are kept in lower-case A-label form,
// local parts are kept exactly as given (RFC 5321 section 2.4 makes their case significant). One address
// has no domain: [Postmaster].
type Address struct {
	// wire is what String returns. A result holds one for each recipient, so what can be found in it is not kept
	// beside it.
	wire string
}

// postmaster is the one address without a domain, in the brackets of a path. They keep it apart from a local part that
// lost its domain: "<Postmaster>" is written on purpose.
const postmaster = "<Postmaster>"

// Postmaster returns the mailbox for reports of trouble with mail at the server that is spoken to, whatever its domains
// are, which every server must accept as a recipient (RFC 5321 section 4.5.1). It can only receive, and only by an
// envelope: the fields of a message need a domain ([ErrNoDomain]). Its Domain is "", and it prints and parses as
// "<Postmaster>".
func Postmaster() Address { return Address{wire: postmaster} }

// IsPostmaster reports whether a is what [Postmaster] returns. The postmaster of a domain is an address as any other.
func (a Address) IsPostmaster() bool { return a.wire == postmaster }

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
	a, reason := join(local, canonical, "")
	if reason != "" {
		return Address{}, &ParseError{Input: local + "@" + domain, Reason: reason}
	}
	return a, nil
}

// join makes an address of its checked parts, or returns which limit it passes. When the parts stand in source
// as String returns them, the address shares its memory.
func join(local, domain, source string) (a Address, reason string) {
	if len(local) > maxLocal {
		return Address{}, localTooLong
	}
	dotAtom := isDotAtom(local)
	switch {
	case !dotAtom:
		a.wire = quote(local) + "@" + domain
	case len(source) == len(local)+len("@")+len(domain) && strings.HasSuffix(source, domain):
		a.wire = source
	default:
		a.wire = local + "@" + domain
	}
	switch {
	case len(a.wire)-len("@")-len(domain) > maxLocal:
		return Address{}, localTooLong
	case len(a.wire) > maxAddress:
		return Address{}, "longer than 254 octets"
	}
	return a, ""
}

// quote returns a local part as a quoted string (RFC 5321 section 4.1.2).
func quote(local string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, c := range []byte(local) {
		if c == '"' || c == '\\' {
			b.WriteByte('\\')
		}
		b.WriteByte(c)
	}
	b.WriteByte('"')
	return b.String()
}

// LocalPart returns the local part without quotes.
func (a Address) LocalPart() string {
	at := a.at()
	if at < 0 {
		return strings.Trim(a.wire, "<>")
	}
	local := a.wire[:at]
	if !strings.HasPrefix(local, `"`) {
		return local
	}
	local, _, _ = parseQuoted(local)
	return local
}

// Domain returns the domain in A-label form, or the address literal in brackets; "" for the null path and
// for [Postmaster].
func (a Address) Domain() string {
	at := a.at()
	if at < 0 {
		return ""
	}
	return a.wire[at+1:]
}

// at returns where the @ before the domain stands, -1 where there is no domain. No domain has one in it.
func (a Address) at() int { return strings.LastIndexByte(a.wire, '@') }

// IsNull reports whether a is the null path.
func (a Address) IsNull() bool { return a == Address{} }

// NeedsSMTPUTF8 reports whether only servers with the SMTPUTF8 extension (RFC 6531) can carry a.
// The domain never needs it.
func (a Address) NeedsSMTPUTF8() bool { return !ascii.Only(a.wire) }

// String returns the address as SMTP and header fields write it, with the local part quoted where
// the grammar asks for it, "" for the null path, and "<Postmaster>" with its brackets.
func (a Address) String() string { return a.wire }

// AppendTo appends what String returns to dst.
func (a Address) AppendTo(dst []byte) []byte { return append(dst, a.wire...) }

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

const localTooLong = "local part longer than 64 octets"

// checkLocal returns what makes a local part unusable in any quoting, or "".
func checkLocal(local string) string {
	switch {
	case local == "":
		return "empty local part"
	case !utf8.ValidString(local):
		return "local part is not valid UTF-8"
	case strings.ContainsFunc(local, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return "control character in local part"
	case ascii.Only(local):
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

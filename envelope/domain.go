package envelope

import (
	"fmt"
	"net/netip"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/depeche-mail/depeche/internal/ascii"
	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"
	"golang.org/x/text/width"
)

// registration validates U-labels and converts them without mapping: what UTS 46 would turn into
// another name is refused, because mail must not go to a domain the caller did not write.
var registration = idna.New(
	idna.ValidateForRegistration(),
	idna.StrictDomainName(true),
	idna.VerifyDNSLength(true),
)

// canonicalDomain returns a domain as lower-case A-labels, or an address literal in brackets in
// canonical form; or else the reason why s is neither.
func canonicalDomain(s string) (canonical, reason string) {
	switch {
	case s == "":
		return "", "empty domain"
	case s[0] == '[':
		return canonicalLiteral(s)
	case len(s) > 4*maxDomain: // before any work that grows with the input
		return "", "domain longer than 255 octets"
	}
	if !ascii.Only(s) {
		normal := normalDomain(s)
		if normal == "" {
			return "", badName(s)
		}
		s = normal
	}
	lower := lowerASCII(s)
	if !ascii.Only(lower) || strings.Contains(lower, "xn--") {
		ascii, err := registration.ToASCII(lower)
		if err != nil {
			return "", badName(s)
		}
		lower = ascii
	}
	if len(lower) > maxDomain {
		return "", "domain longer than 255 octets"
	}
	for label := range strings.SplitSeq(lower, ".") {
		if reason := checkLabel(label); reason != "" {
			return "", reason
		}
	}
	return lower, ""
}

// badName says why a name that is not ASCII is not a domain.
func badName(s string) string {
	if at := strings.IndexFunc(s, isUnseen); at >= 0 {
		r, _ := utf8.DecodeRuneInString(s[at:])
		return fmt.Sprintf("character %U in domain, which people can't see", r)
	}
	return "not a valid internationalized domain name"
}

// normalDomain returns a domain as people type it in the form that IDNA wants: full-width characters and the dots of
// East Asian keyboards as the usual ones, and in Unicode normalization form C (RFC 5891 section 5.2, RFC 5895 section
// 2). It is "" when normalization would make an ASCII letter of another one, such as the Kelvin sign: mail to it must
// not go to a domain that looks the same.
func normalDomain(s string) string {
	s = width.Fold.String(strings.NewReplacer("\u3002", ".", "\uff61", ".").Replace(s))
	for _, r := range s {
		if r >= utf8.RuneSelf && ascii.Only(norm.NFC.String(string(r))) {
			return ""
		}
	}
	return norm.NFC.String(s)
}

// lowerASCII lowers A to Z alone: some other letters have lower-case forms in ASCII (the Kelvin sign is
// one), and mail to them must not go to a domain that looks the same.
func lowerASCII(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return 'A' <= r && r <= 'Z' || r >= utf8.RuneSelf }) {
		return s
	}
	return strings.Map(func(r rune) rune {
		switch {
		case 'A' <= r && r <= 'Z':
			return r + 'a' - 'A'
		case r >= utf8.RuneSelf && unicode.ToLower(r) >= utf8.RuneSelf:
			return unicode.ToLower(r)
		}
		return r
	}, s)
}

// checkLabel applies the letter-digit-hyphen rule of RFC 5321 section 4.1.2 and the length limit
// of RFC 1035 section 2.3.4.
func checkLabel(label string) string {
	switch {
	case label == "":
		return "empty label in domain"
	case len(label) > 63:
		return "domain label longer than 63 octets"
	case label[0] == '-' || label[len(label)-1] == '-':
		return "domain label begins or ends with a hyphen"
	}
	for i := range len(label) {
		if c := label[i]; c != '-' && (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return fmt.Sprintf("character %q not allowed in a domain", c)
		}
	}
	return ""
}

// canonicalLiteral reads [192.0.2.1] or [IPv6:2001:db8::1] (RFC 5321 section 4.1.3).
func canonicalLiteral(s string) (canonical, reason string) {
	const fault = "not an IPv4 or IPv6 address literal"
	inner, closed := strings.CutSuffix(s[1:], "]")
	if !closed {
		return "", fault
	}
	const tag = "IPv6:"
	if len(inner) > len(tag) && strings.EqualFold(inner[:len(tag)], tag) {
		ip, err := netip.ParseAddr(inner[len(tag):])
		if err != nil || !ip.Is6() || ip.Zone() != "" {
			return "", fault
		}
		return "[" + tag + ip.String() + "]", ""
	}
	ip, err := netip.ParseAddr(inner)
	if err != nil || !ip.Is4() {
		return "", fault
	}
	return "[" + ip.String() + "]", ""
}

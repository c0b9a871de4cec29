package envelope

import (
	"cmp"
	"strings"

	"golang.org/x/net/idna"
)

// ASCII returns the address as every server can carry it. It reports false, and "", when the local
// part is not ASCII, so that only servers with SMTPUTF8 can.
func (a Address) ASCII() (string, bool) {
	if a.NeedsSMTPUTF8() {
		return "", false
	}
	return a.String(), true
}

// Unicode returns the address for people: with the domain in U-labels (RFC 5890 section 2.3.2.1).
// Different domains can look the same; what programs compare or send to is a itself.
func (a Address) Unicode() string {
	if !strings.Contains(a.Domain(), "xn--") {
		return a.String()
	}
	domain, err := idna.Display.ToUnicode(a.Domain())
	if err != nil {
		return a.String()
	}
	return strings.TrimSuffix(a.String(), a.Domain()) + domain
}

// Compare orders addresses by domain, then by local part; it returns 0 if and only if a == b.
func (a Address) Compare(b Address) int {
	return cmp.Or(strings.Compare(a.Domain(), b.Domain()), strings.Compare(a.LocalPart(), b.LocalPart()))
}

package response

import (
	"fmt"
	"strings"
)

// Enhanced is an enhanced status code, class.subject.detail (RFC 3463 section 2). The zero value
// means that there was none.
type Enhanced struct{ Class, Subject, Detail uint16 }

// IsZero reports whether there was no enhanced status code.
func (e Enhanced) IsZero() bool { return e == Enhanced{} }

// String returns the code in dotted form, or "".
func (e Enhanced) String() string {
	if e.IsZero() {
		return ""
	}
	return fmt.Sprintf("%d.%d.%d", e.Class, e.Subject, e.Detail)
}

// cutEnhanced reads an enhanced status code at the start of a line. One whose class contradicts the
// reply code is text: the basic code decides (RFC 2034 section 4).
func cutEnhanced(code Code, line string) (e Enhanced, rest string) {
	head, rest, _ := strings.Cut(line, " ")
	class, others, ok := strings.Cut(head, ".")
	subject, detail, ok2 := strings.Cut(others, ".")
	if !ok || !ok2 || len(class) != 1 || class[0] != '0'+byte(code.Severity()) {
		return Enhanced{}, line
	}
	s, okS := shortNumber(subject)
	d, okD := shortNumber(detail)
	if !okS || !okD {
		return Enhanced{}, line
	}
	return Enhanced{Class: uint16(code.Severity()), Subject: s, Detail: d}, rest
}

// shortNumber reads one to three digits without leading zeros (RFC 3463 section 2).
func shortNumber(s string) (uint16, bool) {
	if s == "" || len(s) > 3 || len(s) > 1 && s[0] == '0' {
		return 0, false
	}
	var n uint16
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = n*10 + uint16(s[i]-'0')
	}
	return n, true
}

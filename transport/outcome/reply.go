package outcome

import (
	"fmt"
	"strings"
)

// Reply is a server's answer: three digits, an enhanced status code and text.
type Reply struct {
	Code     int      `json:"code,omitempty"`     // 250, 550 ...; for sendmail the exit status
	Enhanced string   `json:"enhanced,omitempty"` // "5.1.1" (RFC 3463), "" when not given
	Lines    []string `json:"lines,omitempty"`    // the text, one entry per line, made printable; a last "..." says that it was cut
}

// IsZero reports whether there was no answer.
func (r Reply) IsZero() bool { return r.Code == 0 && r.Enhanced == "" && len(r.Lines) == 0 }

// String returns the answer on one line, such as "550 5.1.1 no such user".
func (r Reply) String() string {
	if r.IsZero() {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%03d", r.Code)
	if r.Enhanced != "" {
		b.WriteString(" " + r.Enhanced)
	}
	if text := strings.Join(r.Lines, " "); text != "" {
		b.WriteString(" " + text)
	}
	return b.String()
}

package message

import (
	"fmt"
	"strings"
)

// Plain returns a plain text. Line ends may be LF or CRLF.
func Plain(text string) Part { return Part{form: formText, media: "text/plain", text: text} }

// HTML returns an HTML text.
func HTML(html string) Part { return Part{form: formText, media: "text/html", text: html} }

// TextPart returns a text of another kind, such as "text/markdown".
func TextPart(media, text string) Part { return Part{form: formText, media: media, text: text} }

// Calendar returns an iCalendar object for mail readers to act on (RFC 6047 section 2.4). The method
// is that of the object, such as "REQUEST".
func Calendar(method, ics string) Part {
	return TextPart("text/calendar", ics).Param("method", method)
}

// Flowed returns the part, a plain text, with its long lines broken in a way that readers undo
// (format=flowed, RFC 3676).
func (p Part) Flowed() Part {
	p.flowed = true
	return p
}

// checkCalendar returns an error when the object names another method than the content type, which
// readers ignore or take for an attack.
func checkCalendar(ics, method string) error {
	for line := range strings.Lines(ics) {
		if name, value, ok := strings.Cut(strings.TrimRight(line, "\r\n"), ":"); ok && strings.EqualFold(name, "METHOD") {
			if !strings.EqualFold(value, method) {
				return fmt.Errorf("the iCalendar object has the method %q, its part %q", value, method)
			}
			return nil
		}
	}
	return nil
}

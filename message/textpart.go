package message

import (
	"errors"
	"fmt"
	"strings"
)

// Plain returns a plain text. Line ends may be LF or CRLF.
func Plain(text string) Part { return TextPart("text/plain", text) }

// HTML returns an HTML text.
func HTML(html string) Part { return TextPart("text/html", html) }

// TextPart returns a text of another kind, such as "text/markdown".
func TextPart(media, text string) Part { return Part{body: textBody{}, media: media, text: text} }

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

// checkCalendar returns an error for a text that is not an iCalendar object with the method of its content type, which
// readers ignore or take for an attack (RFC 6047 section 2.4).
func checkCalendar(ics, method string) error {
	text := strings.NewReplacer("\r\n", "\n", "\n ", "", "\n\t", "").Replace(ics) // unfolded (RFC 5545 section 3.1)
	lines := strings.Split(strings.Trim(strings.TrimPrefix(text, "\ufeff"), "\n "), "\n")
	if !strings.EqualFold(lines[0], "BEGIN:VCALENDAR") || !strings.EqualFold(lines[len(lines)-1], "END:VCALENDAR") {
		return errors.New("not an iCalendar object: want BEGIN:VCALENDAR in the first line and END:VCALENDAR in the last one")
	}
	found, depth := "", 0
	for _, line := range lines {
		name, value, _ := strings.Cut(line, ":")
		switch strings.ToUpper(name) {
		case "BEGIN":
			depth++
		case "END":
			depth--
		case "METHOD":
			if depth == 1 {
				found = value
			}
		}
	}
	switch {
	case found == "":
		return fmt.Errorf("the iCalendar object has no METHOD: write METHOD:%s into it", method)
	case !strings.EqualFold(found, method):
		return fmt.Errorf("the iCalendar object has the method %q, its part %q", found, method)
	}
	return nil
}

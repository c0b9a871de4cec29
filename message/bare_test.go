package message_test

import (
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/message"
)

// TestLongTypes: the content type of a text is on one line as long as the line has room, and is folded before its charset
// otherwise (RFC 5322 section 2.1.1).
func TestLongTypes(t *testing.T) {
	for n := 1; n < 70; n++ {
		media := "text/" + strings.Repeat("x", n)
		_, rest, _ := strings.Cut(string(octets(t, build(t, good().TextPart(message.TextPart(media, "y\n"))))), "Content-Type: ")
		got, _, _ := strings.Cut(rest, "\r\n\r\n")
		const encoding = "\r\nContent-Transfer-Encoding: 7bit"
		whole, folded := media+"; charset=us-ascii", media+";\r\n charset=us-ascii"
		if got != whole+encoding && got != folded+encoding {
			t.Errorf("%d octets: %q", len(media), got)
		}
		if line := len("Content-Type: " + whole); got == whole+encoding && line > 78 || got == folded+encoding && line < 76 {
			t.Errorf("%d octets: %q, the whole line has %d", len(media), got, line)
		}
	}
}

// TestOrnaments: a text with one thing more to tell tells it.
func TestOrnaments(t *testing.T) {
	text := message.Plain("y\n")
	for want, part := range map[string]message.Part{
		"Content-Description: d\r\n":                   text.Description("d"),
		"Content-ID: <i>\r\n":                          text.ContentID("i"),
		"Content-Language: de\r\n":                     text.Header("Content-Language", "de"),
		"Content-Disposition: inline\r\n":              text.Inline(),
		"Content-Type: text/plain; charset=utf-8; a=b": text.Param("charset", "utf-8").Param("a", "b"),
		"filename=\"n m\"":                             text.WithName("n m").Attachment(),
		"; name=n\r\n":                                 text.WithName("n").LegacyName(),
	} {
		if got := octets(t, build(t, good().TextPart(part))); !strings.Contains(string(got), want) {
			t.Errorf("want %q: %q", want, got)
		}
	}
}

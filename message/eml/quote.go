package eml

import (
	"strings"

	"github.com/depeche-mail/depeche/message/markup"
)

// Quote returns a text with every line quoted, as replies show what they answer.
func Quote(text string) string {
	var b strings.Builder
	for line := range strings.Lines(strings.ReplaceAll(text, "\r\n", "\n")) {
		mark := "> "
		if line == "\n" || strings.HasPrefix(line, ">") {
			mark = ">"
		}
		b.WriteString(mark)
		b.WriteString(line)
	}
	return b.String()
}

// Quoted returns the text of the mail, quoted, after a line that says whose it is, which attribution returns; nil for
// none. Of a mail with HTML alone it is the text that the HTML shows. The error is one of the source that [Open] was
// given.
//
//	quoted, err := m.Quoted(func(m *eml.Message) string {
//		return "On " + m.Date().Format(time.DateOnly) + " " + m.Header("From") + " wrote:"
//	})
func (m *Message) Quoted(attribution func(*Message) string) (string, error) {
	content, err := m.Content()
	if err != nil {
		return "", err
	}
	text := Quote(content.plain())
	if attribution != nil {
		text = attribution(m) + "\n" + text
	}
	return text, nil
}

// plain returns the text, or else what the HTML shows.
func (c Content) plain() string {
	if strings.TrimSpace(c.Text) != "" || c.HTML == "" {
		return c.Text
	}
	return markup.Text(c.HTML)
}

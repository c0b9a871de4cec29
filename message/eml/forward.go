package eml

import (
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/depeche-mail/depeche/internal/mimewire"
	"github.com/depeche-mail/depeche/message"
)

// Forward returns a message that carries this one, whole but for its blind recipients, as an attachment. It has no
// recipients and no text yet. A mail that can't be a message within a message, because it has NUL, lines of over 998
// octets, or a header that is neither ASCII nor UTF-8, is attached as a file that keeps its octets.
func (m *Message) Forward(from message.Mailbox) message.Builder {
	part, ok := m.attached()
	if !ok {
		src := newStretchReader(m.src, m.stretches())
		part = typed(message.FileFunc("message.eml", func() (io.ReadCloser, error) {
			return io.NopCloser(io.NewSectionReader(src, 0, src.size)), nil
		}))
	}
	return message.New().FromMailbox(from).Subject(prefixed("Fwd:", m.Subject(), isForwardPrefix)).Attach(part)
}

// attached returns the mail as a message within a message, if it can be one.
func (m *Message) attached() (part message.Part, ok bool) {
	whole := m.WithCRLF()
	var s mimewire.LineScanner
	var head headWatch
	if _, err := whole.WriteTo(io.MultiWriter(&s, &head)); err != nil {
		return part, false
	}
	facts := s.Facts()
	if facts.Fits(mimewire.EightBit) != nil || facts.Header && !head.isUTF8() {
		return part, false
	}
	return message.AttachedMessage(whole), true
}

// headWatch keeps the lines up to the first empty one that have octets above 127.
type headWatch struct {
	odd  []byte
	line int // octets of the line
	body bool
}

func (h *headWatch) Write(p []byte) (int, error) {
	for _, c := range p {
		if h.body {
			break
		}
		switch {
		case c == '\n':
			h.body = h.line == 0
			h.line = 0
			h.odd = append(h.odd, c)
		case c != '\r':
			h.line++
			if c >= utf8.RuneSelf {
				h.odd = append(h.odd, c)
			}
		}
	}
	return len(p), nil
}

func (h *headWatch) isUTF8() bool { return utf8.Valid(h.odd) }

// ForwardInline returns a message that shows this one within its text, after a note, and attaches what is attached
// to it. HTML is shown as text; the whole mail can be attached beside it with [Message.Forward] instead. The error is
// one of the source that [Open] was given.
func (m *Message) ForwardInline(from message.Mailbox, note string) (message.Builder, error) {
	content, err := m.Content()
	if err != nil {
		return message.Builder{}, err
	}
	var b strings.Builder
	b.WriteString(note)
	if note != "" {
		b.WriteString("\n\n")
	}
	b.WriteString("---------- Forwarded message ----------\n")
	for _, name := range []string{"From", "Date", "Subject", "To", "Cc"} {
		value := m.Header(name)
		if date := m.Date(); name == "Date" && !date.IsZero() {
			value = date.Format(time.RFC1123Z)
		}
		if value != "" {
			b.WriteString(name + ": " + value + "\n")
		}
	}
	b.WriteString("\n" + content.plain())
	return message.New().FromMailbox(from).Subject(prefixed("Fwd:", m.Subject(), isForwardPrefix)).
		Text(b.String()).Attach(content.Attachments...), nil
}

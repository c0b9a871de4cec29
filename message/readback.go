package message

import (
	"bytes"
	"errors"
	"iter"
	"mime"
	"strings"
	"time"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/internal/mimewire"
)

// Header returns the value of the first field of a name, in any case, unfolded and with its encoded-words decoded:
// the text that readers see. It is "" when there is no such field, and for Bcc, which only the envelope has.
func (m *Message) Header(name string) string {
	for field := range m.fields() {
		if got, value, ok := strings.Cut(field, ":"); ok && strings.EqualFold(got, name) {
			text := strings.TrimSpace(strings.ReplaceAll(value, "\r\n", ""))
			if decoded, err := new(mime.WordDecoder).DecodeHeader(text); err == nil {
				return decoded
			}
			return text
		}
	}
	return ""
}

// Subject returns the subject as readers see it.
func (m *Message) Subject() string { return m.Header("Subject") }

// Date returns the time in the Date field, in its zone and with a precision of a second.
func (m *Message) Date() time.Time {
	date, _ := time.Parse(mimewire.DateLayout, m.Header("Date")) // Build wrote it
	return date
}

// WithEnvelope returns the message with the same octets for other recipients or from another sender. A
// nil Message stays nil.
func (m *Message) WithEnvelope(env envelope.Envelope) *Message {
	if m == nil {
		return nil
	}
	own := *m
	own.envelope = env
	return &own
}

// WithHeader returns the message with one more field before all others, as [Builder.Header] would write it: for a
// relay that wants a field of its own, when one message goes to several. Fields that may occur once cannot be added
// when they are there. The error is a *[FieldError], and for a nil Message its EnvelopeError.
func (m *Message) WithHeader(name, value string) (*Message, error) {
	if m == nil {
		return nil, errNil
	}
	x := field{step: "WithHeader", name: name, text: value}
	err := x.checkOwn()
	if lower := strings.ToLower(name); err == nil && (structured[lower] || once[lower]) && m.Header(name) != "" {
		err = errors.New("the message has this field already")
	}
	if err != nil {
		return nil, &FieldError{Field: "WithHeader", Value: name + ": " + value, Err: err}
	}
	var f addressFolder
	f.Raw = m.utf8
	f.field(x)
	own := *m
	own.several = append(segments{{ready: f.Dst}}, m.segments()...)
	own.size += int64(len(f.Dst))
	return &own, nil
}

// fields yields the header section field by field, folded as it is.
func (m *Message) fields() iter.Seq[string] {
	return func(yield func(string) bool) {
		section := m.headerSection()
		for section != "" {
			end := strings.Index(section, "\r\n")
			for end >= 0 && end+2 < len(section) && (section[end+2] == ' ' || section[end+2] == '\t') {
				next := strings.Index(section[end+2:], "\r\n")
				if next < 0 {
					end = -1
					break
				}
				end += 2 + next
			}
			if end < 0 {
				yield(section)
				return
			}
			if !yield(section[:end]) {
				return
			}
			section = section[end+2:]
		}
	}
}

// headerSection returns the octets before the first empty line. They are ready, and stand in the first segments: only
// files are streamed.
func (m *Message) headerSection() string {
	if m == nil {
		return ""
	}
	var head []byte
	for _, s := range m.segments() {
		if end := bytes.Index(s.ready, []byte("\r\n\r\n")); end >= 0 {
			return string(append(head, s.ready[:end]...))
		}
		head = append(head, s.ready...)
	}
	return string(head)
}

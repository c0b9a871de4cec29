package message

import (
	"errors"
	"slices"

	"github.com/depeche-mail/depeche/internal/mimewire"
)

// Parent is a message that others can answer, such as a *[Message] or an *eml.Message.
type Parent interface {
	MessageID() string    // with angle brackets; "" for none
	References() []string // those of its ancestors, oldest first, with angle brackets
}

// maxReferences bounds the References field: threads grow, header fields should not.
const maxReferences = 40

// InReplyTo makes the message an answer to another one: In-Reply-To and References follow RFC 5322
// section 3.6.4. Of a very long thread the first and the last messages are kept. A message without a
// Message-ID can't be answered; nothing is written then.
func (b Builder) InReplyTo(parent Parent) Builder {
	id := parent.MessageID() // before the step, in which no other code may use a builder
	if id == "" {
		return b.step(func(*state) {})
	}
	refs := append(slices.Clone(parent.References()), id)
	if n := len(refs); n > maxReferences {
		refs = append(refs[:1:1], refs[n-maxReferences+1:]...)
	}
	return b.step(func(s *state) {
		s.inReplyTo = s.ids("InReplyTo", s.inReplyTo, []string{id}, isForeignID)
		s.refs = s.ids("InReplyTo", s.refs, refs, isForeignID)
	})
}

// InReplyToID adds the Message-ID of a message that this one answers, with or without angle brackets.
func (b Builder) InReplyToID(id ...string) Builder {
	return b.step(func(s *state) { s.inReplyTo = s.ids("InReplyToID", s.inReplyTo, id, isMessageID) })
}

// References adds Message-IDs of the thread, oldest first, with or without angle brackets.
func (b Builder) References(id ...string) Builder {
	return b.step(func(s *state) { s.refs = s.ids("References", s.refs, id, isMessageID) })
}

// ids appends message identifiers in angle brackets, each once.
func (s *state) ids(step string, list, ids []string, good func(string) bool) []string {
	for i, id := range ids {
		bare := bareID(id)
		if !good(bare) {
			s.errs = append(s.errs, &FieldError{Field: step, Index: i, Value: id, Err: errNoID})
			continue
		}
		if whole := "<" + bare + ">"; !slices.Contains(list, whole) {
			list = append(list, whole)
		}
	}
	return list
}

// isForeignID reports whether s can be written as the inside of a message identifier. Programs make them without @,
// and the obsolete syntax has quoted strings with blanks in them (RFC 5322 section 4.5.4): a reply that would not
// name them would leave the thread.
func isForeignID(s string) bool {
	quoted := false
	for i := range len(s) {
		c := s[i]
		quoted = quoted != (c == '"')
		if c < ' ' || c > '~' || c == ' ' && !quoted || (c == '<' || c == '>') && !quoted {
			return false
		}
	}
	return s != "" && len(s) <= mimewire.TooLong && !quoted
}

var errNoID = errors.New("want <left@right> without spaces")

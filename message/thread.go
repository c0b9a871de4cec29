package message

import (
	"errors"
	"slices"
)

// Parent is a message that others can answer. *[Message] and *[ParsedMessage] are.
type Parent interface {
	MessageID() string    // with angle brackets; "" for none
	References() []string // those of its ancestors, oldest first, with angle brackets
}

// mostReferences bounds the References field: threads grow, header fields should not.
const mostReferences = 40

// InReplyTo makes the message an answer to another one: In-Reply-To and References follow RFC 5322
// section 3.6.4. Of a very long thread the first and the last messages are kept. A message without a
// Message-ID can't be answered; nothing is written then.
func (b Builder) InReplyTo(parent Parent) Builder {
	id := parent.MessageID() // before the step, in which nobody else may use a builder
	if id == "" {
		return b.step(func(*state) {})
	}
	refs := append(slices.Clone(parent.References()), id)
	if n := len(refs); n > mostReferences {
		refs = append(refs[:1:1], refs[n-mostReferences+1:]...)
	}
	return b.step(func(s *state) {
		s.inReplyTo = s.ids("InReplyTo", s.inReplyTo, []string{id})
		s.refs = s.ids("InReplyTo", s.refs, refs)
	})
}

// InReplyToID adds the Message-ID of a message that this one answers, with or without angle brackets.
func (b Builder) InReplyToID(id ...string) Builder {
	return b.step(func(s *state) { s.inReplyTo = s.ids("InReplyToID", s.inReplyTo, id) })
}

// References adds Message-IDs of the thread, oldest first, with or without angle brackets.
func (b Builder) References(id ...string) Builder {
	return b.step(func(s *state) { s.refs = s.ids("References", s.refs, id) })
}

// ids appends message identifiers in angle brackets, each once.
func (s *state) ids(step string, list, ids []string) []string {
	for i, id := range ids {
		bare := bareID(id)
		if !isMessageID(bare) {
			s.faults = append(s.faults, &FieldError{Field: step, Index: i, Value: id, Err: errNoID})
			continue
		}
		if whole := "<" + bare + ">"; !slices.Contains(list, whole) {
			list = append(list, whole)
		}
	}
	return list
}

var (
	errNoID   = errors.New("want <left@right> without spaces")
	errNoDate = errors.New("a date is required")
)

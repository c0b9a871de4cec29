package file

import (
	"errors"
	"fmt"
	"io"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/internal/mimeread"
)

// Errors of messages that would be sent otherwise than they lie there.
var (
	errBcc = errors.New("no envelope was stored, and the Bcc field would be seen by all: read it with package message/eml, which leaves it out")
	errOdd = errors.New("no envelope was stored, and lines before the body are not header fields: read it with package message/eml, which skips them")
)

// section reads the header section of the message, as package message/eml does.
func (s *StoredMessage) section() (section *mimeread.Section, err error) {
	const limit = 64 << 20
	r, err := s.open()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	var head []byte
	for size := int64(64 << 10); ; size *= 4 {
		more, err := io.ReadAll(io.LimitReader(r, size))
		if err != nil {
			return nil, err
		}
		head = append(head, more...)
		section := mimeread.ReadSection(head)
		switch ended := int64(len(more)) < size; {
		case ended, section.Body < len(head) && !section.NoSeparator:
			return section, nil
		case len(head) > limit:
			return nil, fmt.Errorf("a header section of more than %d octets", limit)
		}
	}
}

// headerEnvelope returns the envelope that the header fields of a message say. What it can't tell for
// certain is an error: mail that goes to some of its recipients, or tells them of others, is worse.
func headerEnvelope(s *StoredMessage) (envelope.Envelope, error) {
	section, err := s.section()
	switch {
	case err != nil:
		return envelope.Envelope{}, err
	case section.Has("Bcc"), section.Has("Resent-Bcc"):
		return envelope.Envelope{}, errBcc
	case len(section.Skipped)+len(section.LostBlanks) > 0, section.NoSeparator:
		return envelope.Envelope{}, fmt.Errorf("%w (%s)", errOdd, section.Faults[0])
	}
	env, err := section.Envelope()
	if errors.Is(err, envelope.ErrNoRecipient) {
		return envelope.Envelope{}, nil // the file may name no recipient
	}
	return env, err
}

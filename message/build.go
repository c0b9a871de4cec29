package message

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/depeche-mail/depeche/envelope"
)

// Build ends the chain: it checks everything that was given, looks at attached files, and returns
// the immutable message, or every fault found, joined, each a *[FieldError].
func (b Builder) Build() (*Message, error) {
	s, err := b.handle.Finish()
	if err != nil {
		return nil, err
	}
	if s.random == nil {
		s.random = rand.Reader
	}
	if s.date.IsZero() {
		if s.clock == nil {
			s.clock = time.Now
		}
		s.date = s.clock()
	}
	s.check()
	env, err := s.envelope()
	if err != nil {
		s.faults = append(s.faults, err)
	}
	body := s.body()
	if len(s.faults) > 0 {
		return nil, errors.Join(s.faults...)
	}
	id, err := s.identity()
	if err != nil {
		return nil, err
	}
	header := s.header(id)
	r := renderer{random: s.random, ready: header}
	r.entity(body)
	if r.err != nil {
		return nil, r.err
	}
	return &Message{envelope: env, id: id, segments: r.finish(), utf8: needs8Bit(string(header))}, nil
}

func (s *state) fault(field, value string, err error) {
	s.faults = append(s.faults, &FieldError{Field: field, Value: value, Err: err})
}

// check judges what is not tied to one step's argument.
func (s *state) check() {
	switch {
	case len(s.from) == 0:
		s.fault("From", "", errors.New("a message needs an author"))
	case len(s.from) > 1 && len(s.sender) == 0:
		s.fault("Sender", "", errors.New("required with several authors (RFC 5322 section 3.6.2)"))
	}
	if len(s.sender) > 1 {
		s.fault("Sender", s.sender[1].String(), errors.New("there can be only one"))
	}
	if !utf8.ValidString(s.subject) {
		s.fault("Subject", s.subject, errNotUTF8)
	} else if hasControl(s.subject) {
		s.fault("Subject", s.subject, errControl)
	}
	for i, f := range s.fields {
		if err := checkField(f); err != nil {
			s.faults = append(s.faults, &FieldError{Field: "Header", Index: i, Value: f.name + ": " + f.value, Err: err})
		}
	}
	for _, text := range []struct {
		field string
		value *string
	}{{"Text", s.text}, {"HTML", s.html}} {
		if text.value != nil && !utf8.ValidString(*text.value) {
			s.fault(text.field, "", errNotUTF8)
		}
	}
	if len(s.inline) > 0 && s.html == nil {
		s.fault("Inline", s.inline[0].name, errors.New("only an HTML body can show an inline part"))
	}
}

// envelope derives the envelope: Sender or else the author; To, Cc and Bcc in order.
func (s *state) envelope() (envelope.Envelope, error) {
	if s.explicit != nil {
		return *s.explicit, nil
	}
	var sender envelope.Address
	switch {
	case len(s.sender) > 0:
		sender = s.sender[0].Address
	case len(s.from) > 0:
		sender = s.from[0].Address
	}
	var recipients []envelope.Recipient
	for _, m := range slices.Concat(s.to, s.cc, s.bcc) {
		if !m.Address.IsNull() { // an address that did not parse is a fault already
			recipients = append(recipients, envelope.Recipient{Address: m.Address})
		}
	}
	if len(recipients) == 0 && len(s.faults) > 0 {
		return envelope.Envelope{}, nil
	}
	return envelope.NewWith(sender, recipients, s.delivery)
}

// identity returns the Message-ID with its angle brackets: the caller's, or 128 random bits in the
// domain of the author.
func (s *state) identity() (string, error) {
	if s.messageID != "" {
		id := strings.TrimSuffix(strings.TrimPrefix(s.messageID, "<"), ">")
		left, right, found := strings.Cut(id, "@")
		if !found || left == "" || right == "" || strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r > '~' || r == '<' || r == '>' }) {
			return "", &FieldError{Field: "MessageID", Value: s.messageID, Err: errors.New("want <left@right> without spaces")}
		}
		return "<" + id + ">", nil
	}
	token, err := randomToken(s.random)
	if err != nil {
		return "", err
	}
	return "<" + token + "@" + s.from[0].Address.Domain() + ">", nil
}

// randomToken returns 128 random bits as 26 lower-case letters and digits.
func randomToken(random io.Reader) (string, error) {
	const alphabet = "abcdefghijklmnopqrstuvwxyz234567"
	var bits [26]byte
	if _, err := io.ReadFull(random, bits[:]); err != nil {
		return "", fmt.Errorf("source of randomness: %w", err)
	}
	for i := range bits {
		bits[i] = alphabet[bits[i]&31]
	}
	return string(bits[:]), nil
}

// header writes the fields before MIME-Version, in the order readers are used to.
func (s *state) header(id string) []byte {
	var h []byte
	list := func(name string, m []Mailbox) {
		if len(m) > 0 {
			h = appendField(h, name, mailboxWords(m)...)
		}
	}
	list("From", s.from)
	if len(s.sender) > 0 && (len(s.from) != 1 || s.sender[0] != s.from[0]) { // RFC 5322 section 3.6.2
		list("Sender", s.sender)
	}
	list("Reply-To", s.replyTo)
	if len(s.to)+len(s.cc) == 0 {
		h = appendField(h, "To", "undisclosed-recipients:;")
	}
	list("To", s.to)
	list("Cc", s.cc)
	if s.subject != "" {
		h = appendField(h, "Subject", textWords(s.subject)...)
	}
	h = appendField(h, "Date", s.date.Format("Mon, 2 Jan 2006 15:04:05 -0700"))
	h = appendField(h, "Message-ID", id)
	for _, f := range s.fields {
		h = appendField(h, f.name, textWords(f.value)...)
	}
	return appendField(h, "MIME-Version", "1.0")
}

package eml

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/internal/mimewire"
	"github.com/depeche-mail/depeche/message"
)

// Resent says who sends a message on as it is (RFC 5322 section 3.6.6).
type Resent struct {
	From      message.Mailbox
	To, Cc    []message.Mailbox
	Bcc       []message.Mailbox // in the envelope only
	Date      time.Time         // required
	MessageID string            // left out when empty
}

// Resend returns the message as it is, without its blind recipients, with a block of Resent fields before the others, and
// an envelope to the recipients of that block. The error is a
// [*envelope.FieldError], or one of the source that [Open] was given.
func (m *Message) Resend(r Resent) (*Message, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	var to []envelope.Address
	for _, who := range slices.Concat(r.To, r.Cc, r.Bcc) {
		to = append(to, who.Address)
	}
	env, err := envelope.New(r.From.Address, to...)
	if err != nil {
		return nil, err
	}
	plain := m.with(func(m *Message) { m.keepBcc = false })
	src := newStretchReader(m.src, append([]stretch{{text: r.block()}}, plain.stretches()...))
	resent, err := Open(src, src.size, m.options)
	if err != nil {
		return nil, err
	}
	resent.crlf = m.crlf
	return resent.WithEnvelope(env), nil
}

func (r Resent) check() error {
	for _, check := range []struct {
		step string
		list []message.Mailbox
	}{{"From", []message.Mailbox{r.From}}, {"To", r.To}, {"Cc", r.Cc}, {"Bcc", r.Bcc}} {
		for i, m := range check.list {
			if err := m.Err(); err != nil {
				return &envelope.FieldError{Field: "Resent." + check.step, Index: i, Value: m.Name, Err: err}
			}
		}
	}
	_, offset := r.Date.Zone()
	const day = 24 * 3600
	if r.Date.IsZero() || offset <= -day || offset >= day || r.Date.Year() < 1900 || r.Date.Year() > 9999 {
		return &envelope.FieldError{Field: "Resent.Date", Value: r.Date.String(), Err: errors.New("a date from 1900 to 9999 is required")}
	}
	if left, right, ok := strings.Cut(bareID(r.MessageID), "@"); r.MessageID != "" && (!ok || left == "" || right == "" || !isContentID(bareID(r.MessageID))) {
		return &envelope.FieldError{Field: "Resent.MessageID", Value: r.MessageID, Err: errors.New("want <left@right> without spaces")}
	}
	return nil
}

// block returns the fields.
func (r Resent) block() string {
	var f mimewire.Folder
	list := func(name string, who []message.Mailbox) {
		if len(who) == 0 {
			return
		}
		f.Begin(name)
		for i, m := range who {
			separator := ","
			if i == len(who)-1 {
				separator = ""
			}
			if m.Name == "" {
				f.Address("", m.Address, separator)
				continue
			}
			f.Phrase(m.Name)
			f.Address("<", m.Address, ">"+separator)
		}
		f.End()
	}
	list("Resent-From", []message.Mailbox{r.From})
	list("Resent-To", r.To)
	list("Resent-Cc", r.Cc)
	f.Words("Resent-Date", r.Date.Format(mimewire.DateLayout))
	if r.MessageID != "" {
		f.Words("Resent-Message-ID", "<"+bareID(r.MessageID)+">")
	}
	return string(f.Dst)
}

// bareID takes the angle brackets off a message identifier.
func bareID(id string) string {
	return strings.TrimSuffix(strings.TrimPrefix(id, "<"), ">")
}

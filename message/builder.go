package message

import (
	"io"
	"slices"
	"time"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/internal/linear"
)

// FieldError says which step of a builder was given something unusable, and why.
type FieldError = envelope.FieldError

// ErrStale is the error of Build when a handle was used twice; see [Builder].
var ErrStale = linear.ErrStale

// Builder is a linear handle of a message being composed: each step spends it and returns the next
// one. Keep the result (b = b.To(x)) or fork with Clone. The zero Builder is not usable; call New.
type Builder struct {
	handle linear.Handle[state]
}

// field is a header field that the caller gave by name and value.
type field struct{ name, value string }

// state is what the steps collect; Build judges it.
type state struct {
	from, sender, replyTo, to, cc, bcc []Mailbox

	subject   string
	date      time.Time
	messageID string
	fields    []field
	text      *string
	html      *string
	inline    []Part
	attached  []Part
	explicit  *envelope.Envelope
	delivery  envelope.Delivery

	clock  func() time.Time
	random io.Reader
	faults []error
}

// Clone returns a copy that shares no slice with s. What the slices hold is never changed.
func (s state) Clone() state {
	for _, list := range []*[]Mailbox{&s.from, &s.sender, &s.replyTo, &s.to, &s.cc, &s.bcc} {
		*list = slices.Clone(*list)
	}
	s.fields = slices.Clone(s.fields)
	s.inline = slices.Clone(s.inline)
	s.attached = slices.Clone(s.attached)
	s.faults = slices.Clone(s.faults)
	return s
}

// New returns the first handle of an empty message.
func New() Builder { return Builder{linear.New(state{})} }

// Clone forks the message: both handles can be used, and neither sees the other's steps.
func (b Builder) Clone() Builder { return Builder{b.handle.Clone()} }

func (b Builder) step(change func(*state)) Builder { return Builder{b.handle.Step(change)} }

// addresses appends parsed strings to the list that pick chooses.
func (b Builder) addresses(name string, pick func(*state) *[]Mailbox, list []string) Builder {
	return b.step(func(s *state) {
		to := pick(s)
		for _, text := range list {
			m, err := ParseMailbox(text)
			if err != nil {
				s.faults = append(s.faults, &FieldError{Field: name, Index: len(*to), Value: text, Err: err})
			}
			*to = append(*to, m)
		}
	})
}

// mailboxes appends typed mailboxes to the list that pick chooses.
func (b Builder) mailboxes(name string, pick func(*state) *[]Mailbox, list []Mailbox) Builder {
	return b.step(func(s *state) {
		to := pick(s)
		for _, m := range list {
			if err := m.check(); err != nil {
				s.faults = append(s.faults, &FieldError{Field: name, Index: len(*to), Value: m.Name, Err: err})
			}
			*to = append(*to, m)
		}
	})
}

func from(s *state) *[]Mailbox    { return &s.from }
func sender(s *state) *[]Mailbox  { return &s.sender }
func replyTo(s *state) *[]Mailbox { return &s.replyTo }
func to(s *state) *[]Mailbox      { return &s.to }
func cc(s *state) *[]Mailbox      { return &s.cc }
func bcc(s *state) *[]Mailbox     { return &s.bcc }

// From adds an author. Each string is one mailbox, "Name <a@b>" or "a@b". At least one is required;
// with several, Sender is required too (RFC 5322 section 3.6.2).
func (b Builder) From(mailbox ...string) Builder { return b.addresses("From", from, mailbox) }

// FromMailbox is From for data.
func (b Builder) FromMailbox(m ...Mailbox) Builder { return b.mailboxes("From", from, m) }

// Sender sets who handed the message in, when that is not the author. It becomes the envelope's
// sender.
func (b Builder) Sender(mailbox string) Builder {
	return b.addresses("Sender", sender, []string{mailbox})
}

// SenderMailbox is Sender for data.
func (b Builder) SenderMailbox(m Mailbox) Builder {
	return b.mailboxes("Sender", sender, []Mailbox{m})
}

// ReplyTo adds a mailbox that replies go to instead of From.
func (b Builder) ReplyTo(mailbox ...string) Builder {
	return b.addresses("ReplyTo", replyTo, mailbox)
}

// ReplyToMailbox is ReplyTo for data.
func (b Builder) ReplyToMailbox(m ...Mailbox) Builder { return b.mailboxes("ReplyTo", replyTo, m) }

// To adds recipients. Each string is one mailbox.
func (b Builder) To(mailbox ...string) Builder { return b.addresses("To", to, mailbox) }

// ToMailbox is To for data.
func (b Builder) ToMailbox(m ...Mailbox) Builder { return b.mailboxes("To", to, m) }

// Cc adds recipients of a copy.
func (b Builder) Cc(mailbox ...string) Builder { return b.addresses("Cc", cc, mailbox) }

// CcMailbox is Cc for data.
func (b Builder) CcMailbox(m ...Mailbox) Builder { return b.mailboxes("Cc", cc, m) }

// Bcc adds recipients whom the others do not see: they are in the envelope only.
func (b Builder) Bcc(mailbox ...string) Builder { return b.addresses("Bcc", bcc, mailbox) }

// BccMailbox is Bcc for data.
func (b Builder) BccMailbox(m ...Mailbox) Builder { return b.mailboxes("Bcc", bcc, m) }

// Subject sets the subject; the last call wins.
func (b Builder) Subject(subject string) Builder {
	return b.step(func(s *state) { s.subject = subject })
}

// Date sets the date instead of the time of Build.
func (b Builder) Date(date time.Time) Builder { return b.step(func(s *state) { s.date = date }) }

// MessageID sets the Message-ID, with or without angle brackets, instead of a random one in the
// domain of the author.
func (b Builder) MessageID(id string) Builder { return b.step(func(s *state) { s.messageID = id }) }

// Header adds a field of free text, which is encoded and folded as needed. Fields keep their order
// and the case of their name and may repeat. The fields that Build writes itself are refused.
func (b Builder) Header(name, value string) Builder {
	return b.step(func(s *state) { s.fields = append(s.fields, field{name, value}) })
}

// Text sets the plain text body. Line ends may be LF or CRLF.
func (b Builder) Text(text string) Builder { return b.step(func(s *state) { s.text = &text }) }

// HTML sets the HTML body. With Text it becomes the preferred alternative.
func (b Builder) HTML(html string) Builder { return b.step(func(s *state) { s.html = &html }) }

// Inline adds a part that the HTML body shows by the address "cid:" + id.
func (b Builder) Inline(id string, part Part) Builder {
	return b.step(func(s *state) { s.inline = append(s.inline, part.inlineAs(id)) })
}

// Attach adds attachments in order.
func (b Builder) Attach(part ...Part) Builder {
	return b.step(func(s *state) { s.attached = append(s.attached, part...) })
}

// Envelope replaces the envelope that Build would derive from the header fields.
func (b Builder) Envelope(env envelope.Envelope) Builder {
	return b.step(func(s *state) { s.explicit = &env })
}

// Delivery sets what is asked of the servers, for the derived envelope.
func (b Builder) Delivery(d envelope.Delivery) Builder {
	return b.step(func(s *state) { s.delivery = d })
}

// Clock replaces the clock that Date is taken from, for reproducible messages.
func (b Builder) Clock(now func() time.Time) Builder {
	return b.step(func(s *state) { s.clock = now })
}

// Random replaces the source of randomness of Message-ID and boundaries, for reproducible messages.
// The default is crypto/rand.
func (b Builder) Random(source io.Reader) Builder {
	return b.step(func(s *state) { s.random = source })
}

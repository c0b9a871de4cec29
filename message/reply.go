package message

import (
	"slices"
	"strings"
	"time"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/internal/mimewire"
)

// Reply returns a message from one of the recipients to whom the author wants replies to go, in the
// same thread and with the same subject. It has no text yet; see [Quote].
func (p *ParsedMessage) Reply(from Mailbox) Builder {
	return New().FromMailbox(from).ToMailbox(p.ReplyTo()...).
		Subject(prefixed("Re: ", p.Subject())).InReplyTo(p)
}

// ReplyAll returns a reply that goes to all other recipients too, but not to from.
func (p *ParsedMessage) ReplyAll(from Mailbox) Builder {
	seen := map[envelope.Address]bool{from.Address: true}
	for _, m := range p.ReplyTo() {
		seen[m.Address] = true
	}
	var others []Mailbox
	for _, m := range slices.Concat(p.To().Mailboxes(), p.Cc().Mailboxes()) {
		if !seen[m.Address] {
			seen[m.Address] = true
			others = append(others, m)
		}
	}
	return p.Reply(from).CcMailbox(others...)
}

// Forward returns a message that carries this one, whole, as an attachment. It has no recipients and
// no text yet.
func (p *ParsedMessage) Forward(from Mailbox) Builder {
	return New().FromMailbox(from).Subject(prefixed("Fwd: ", p.Subject())).Attach(AttachedMessage(p.WithCRLF()))
}

// prefixed returns a subject with a prefix that it does not have yet.
func prefixed(prefix, subject string) string {
	subject = withoutControls(subject)
	if len(subject) >= len(prefix)-1 && strings.EqualFold(subject[:len(prefix)-1], prefix[:len(prefix)-1]) {
		return subject
	}
	return prefix + subject
}

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

// Resent says who sends a message on as it is (RFC 5322 section 3.6.6).
type Resent struct {
	From      Mailbox
	To, Cc    []Mailbox
	Bcc       []Mailbox // in the envelope only
	Date      time.Time // required
	MessageID string    // left out when empty
}

// Resend returns the message as it is with a block of Resent fields in front, and an envelope to
// those recipients. The error is a [*FieldError].
func (p *ParsedMessage) Resend(r Resent) (*ParsedMessage, error) {
	var f addressFolder
	for _, check := range []struct {
		step string
		list []Mailbox
	}{{"From", []Mailbox{r.From}}, {"To", r.To}, {"Cc", r.Cc}, {"Bcc", r.Bcc}} {
		for i, m := range check.list {
			if err := m.check(); err != nil {
				return nil, &FieldError{Field: "Resent." + check.step, Index: i, Value: m.Name, Err: err}
			}
		}
	}
	if r.Date.IsZero() {
		return nil, &FieldError{Field: "Resent.Date", Err: errNoDate}
	}
	if _, offset := r.Date.Zone(); offset <= -24*3600 || offset >= 24*3600 || r.Date.Year() < 1900 || r.Date.Year() > 9999 {
		return nil, &FieldError{Field: "Resent.Date", Value: r.Date.String(), Err: errNoDate}
	}
	if r.MessageID != "" && !isMessageID(bareID(r.MessageID)) {
		return nil, &FieldError{Field: "Resent.MessageID", Value: r.MessageID, Err: errNoID}
	}
	f.list("Resent-From", Mailboxes(r.From))
	if len(r.To) > 0 {
		f.list("Resent-To", Mailboxes(r.To...))
	}
	if len(r.Cc) > 0 {
		f.list("Resent-Cc", Mailboxes(r.Cc...))
	}
	f.Words("Resent-Date", r.Date.Format(mimewire.DateLayout))
	if r.MessageID != "" {
		f.Words("Resent-Message-ID", "<"+bareID(r.MessageID)+">")
	}
	var to []envelope.Address
	for _, m := range slices.Concat(r.To, r.Cc, r.Bcc) {
		to = append(to, m.Address)
	}
	env, err := envelope.New(r.From.Address, to...)
	if err != nil {
		return nil, err
	}
	resent, err := parse(slices.Concat(f.Dst, p.octets), false)
	if err != nil {
		return nil, err
	}
	return resent.WithEnvelope(env), nil
}

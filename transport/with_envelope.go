package transport

import (
	"io"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/internal/bodyscan"
	"github.com/depeche-mail/depeche/internal/ending"
)

// WithEnvelope returns a mail with the octets of mail and another envelope. It knows of itself what mail
// knows; mail must not change afterwards, as always.
func WithEnvelope(mail Mail, env envelope.Envelope) Mail {
	return wrapMail(mail, func(r *readdressed) { r.envelope = env })
}

// wrapMail returns mail in one layer, however often it is done, after a change of that layer.
func wrapMail(mail Mail, change func(*readdressed)) Mail {
	if mail == nil {
		mail = Unsendable(errNoMail)
	}
	plain := readdressed{mail: mail, envelope: mail.Envelope(), key: KeyOf(mail), fingerprint: FingerprintOf(mail)}
	if r, ok := mail.(interface{ layer() readdressed }); ok {
		plain = r.layer()
	}
	change(&plain)
	return &plain
}

// readdressed is a mail with another envelope, key or fingerprint.
type readdressed struct {
	mail        Mail
	envelope    envelope.Envelope
	key         string
	fingerprint string
	endings     []ending.Ending
}

func (r *readdressed) layer() readdressed          { return *r }
func (r *readdressed) Envelope() envelope.Envelope { return r.envelope }
func (r *readdressed) MessageID() string           { return MessageID(r.mail) }

func (r *readdressed) WriteTo(w io.Writer) (int64, error) {
	n, err := r.mail.WriteTo(w)
	if err == nil {
		err = ending.All(r.endings)
	}
	return n, err
}

// BodyInfo passes on what the mail knows. With an ending it reads a mail that does not know, because a transport
// that did so would call the ending.
func (r *readdressed) BodyInfo() (BodyInfo, bool) {
	if m, ok := r.mail.(bodyscan.Informed); ok {
		if info, known := m.BodyInfo(); known {
			return info, true
		}
	}
	if len(r.endings) == 0 {
		return BodyInfo{}, false
	}
	info, err := bodyscan.Inspect(r.mail)
	return info, err == nil
}

// ForRecipients returns mail for the recipients at these positions of its envelope alone, and mail itself
// for all of them.
func ForRecipients(mail Mail, positions []int) (Mail, error) {
	env := mail.Envelope()
	if len(positions) == env.Len() {
		return mail, nil
	}
	to := make([]envelope.Recipient, len(positions))
	for i, position := range positions {
		to[i] = env.At(position)
	}
	part, err := envelope.NewWithOptions(env.From(), to, env.Options())
	if err != nil {
		return nil, err
	}
	return WithEnvelope(mail, part), nil
}

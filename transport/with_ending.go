package transport

import (
	"io"
	"slices"

	"github.com/depeche-mail/depeche/internal/ending"
)

// Endings is told when mails are about to be in doubt. It is safe for concurrent use. If its type is not comparable it
// is told of each mail alone.
type Endings interface {
	// Ending is called with the tokens of one mail or more, before any octet has left that could complete one of them at a
	// server. If it fails, none of them is sent. After it a mail may still fail, and be NotSent.
	Ending(tokens []any) error
}

// WithEnding returns mail about which e is told before the mail can be complete at a server, by the token. Package
// ledger remembers by it that a mail is about to be in doubt. Package smtp tells in one call of the mails of a flight, and
// where a window holds more than a flight, of those of the window that have come; for every other transport WriteTo does, after it has written the content, and fails if e does. A mail that is
// written several times is told of each time.
//
// A mail that does not know its octets is read once more without telling e, so that it knows them; see Mail.
func WithEnding(mail Mail, e Endings, token any) Mail {
	return wrapMail(mail, func(r *readdressed) {
		r.endings = append(slices.Clip(r.endings), ending.Ending{Group: e, Token: token})
	})
}

// WithoutEnding returns mail as it was before [WithEnding], for code that reads a mail without sending it: to sign
// it, to compare it.
func WithoutEnding(mail Mail) Mail {
	if r, ok := mail.(interface{ layer() readdressed }); ok && len(r.layer().endings) > 0 {
		return wrapMail(mail, func(r *readdressed) { r.endings = nil })
	}
	return mail
}

// LateEndings returns what is to be told by a transport that uses WriteContent.
func (r *readdressed) LateEndings() []ending.Ending { return r.endings }

// WriteContent is WriteTo without the endings.
func (r *readdressed) WriteContent(w io.Writer) (int64, error) { return r.mail.WriteTo(w) }

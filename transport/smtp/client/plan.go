package client

import (
	"errors"
	"fmt"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/internal/bodyscan"
	"github.com/depeche-mail/depeche/transport/smtp/extension"
)

// plan is what is decided about a mail before anything is said.
type plan struct {
	mail     Mail
	envelope envelope.Envelope
	size     int64
	params   extension.MailParams
	form     form
}

// form is how a transaction goes over the wire.
type form uint8

const (
	// formLockstep waits for the reply to each command.
	formLockstep form = iota
	// formData sends MAIL, RCPT and DATA in one flight, the content in the next (RFC 2920).
	formData
	// formChunk sends MAIL, RCPT, BDAT and the content in one flight (RFC 3030). Only to a server
	// that has proven to swallow the content of a BDAT that it refuses.
	formChunk
	// formEnvelope sends MAIL and RCPT in one flight and the rest when the replies are known.
	formEnvelope
)

// plan makes p the plan of a mail, checked against what the server offers. An extension is asked for
// when this mail needs it; what it needs and the server does not offer is an error here, never dropped.
func (c *Conn) plan(p *plan, mail Mail) error {
	if err := envelope.Check(mail); err != nil {
		return err
	}
	info, err := bodyscan.Inspect(mail)
	switch {
	case err != nil:
		return &contentError{err}
	case bodyscan.NotCanonical(info) != nil:
		return bodyscan.NotCanonical(info)
	}
	err = c.planContent(p, mail.Envelope(), ContentInfo{info.Size, info.EightBit, info.EightBitHeader, info.Binary})
	p.mail = mail
	return err
}

// mayBinary reports whether a binary message can be sent, or may turn out to be after a probe.
func (c *Conn) mayBinary() bool {
	safe, known := c.ChunkingSafe()
	return c.info.Has(extension.BinaryMIME) && c.cfg.Chunking != ChunkingOff && (safe || !known) &&
		(c.cfg.Chunking == ChunkingTrusted || c.cfg.Chunking == ChunkingProven || c.info.Has(extension.Pipelining))
}

// planContent is plan without the content itself.
func (c *Conn) planContent(p *plan, env envelope.Envelope, content ContentInfo) error {
	*p = plan{envelope: env, size: content.Size, form: c.form()}
	utf8 := content.UTF8 || env.NeedsSMTPUTF8()
	switch limit, most := c.size, c.limits.RcptMax; {
	case env.Len() == 0:
		return envelope.ErrNoRecipient
	case c.cfg.AllOrNothing && most > 0 && env.Len() > most:
		return fmt.Errorf("%w: %d recipients, at most %d", ErrTooManyRecipients, env.Len(), most)
	case limit > 0 && content.Size > limit:
		return fmt.Errorf("%w: %d octets, at most %d", ErrTooLarge, content.Size, limit)
	case content.Binary && !c.mayBinary():
		return ErrNoBinaryMIME
	case content.EightBit && !content.Binary && !c.info.Has(extension.EightBitMIME):
		return ErrNo8BitMIME
	case utf8 && !c.info.Has(extension.SMTPUTF8):
		return ErrNoSMTPUTF8
	}
	p.params.SMTPUTF8 = utf8
	switch {
	case content.Binary:
		p.params.Body = extension.BodyBinary
		if p.form == formData {
			p.form = formEnvelope // a probe goes first
		}
	case content.EightBit:
		p.params.Body = extension.Body8Bit
	}
	if c.offers.size {
		p.params.Size = content.Size // RFC 1870 section 6
	}
	return c.askFor(p)
}

func (c *Conn) form() form {
	switch {
	case !c.offers.pipelining:
		return formLockstep
	case c.cfg.AllOrNothing, c.budget.careful():
		return formEnvelope
	case !c.canChunk():
		return formData
	case c.cfg.LMTP: // a BDAT without a recipient has no reply (RFC 2033 section 4.3), or one (Dovecot 2.3)
		return formEnvelope
	}
	return formChunk
}

// offers are the extensions of a ServerInfo that every mail asks for.
type offers struct{ pipelining, chunking, size bool }

func offersOf(info extension.ServerInfo) offers {
	return offers{info.Has(extension.Pipelining), info.Has(extension.Chunking), info.Has(extension.Size)}
}

// Errors of a mail that this server cannot be given. Nothing was said to it.
var (
	// ErrTooLarge means that the message is larger than the server takes.
	ErrTooLarge = errors.New("message larger than the server takes")
	// ErrNo8BitMIME means that the message has octets above 127 and the server does not take them.
	ErrNo8BitMIME = errors.New("8-bit message and the server does not offer 8BITMIME")
	// ErrNoBinaryMIME means that the message is not made of lines and the server does not take that, or
	// may not be given it by BDAT.
	ErrNoBinaryMIME = errors.New("binary message and the server does not offer BINARYMIME and CHUNKING")
	// ErrNoSMTPUTF8 means that an address or header needs UTF-8 and the server does not take it.
	ErrNoSMTPUTF8 = errors.New("UTF-8 address or header and the server does not offer SMTPUTF8")
	// ErrNotCanonical means that the message has octets that some servers take for the end of the
	// message or of a command.
	ErrNotCanonical = bodyscan.ErrNotCanonical
	// ErrTooManyRecipients means that one transaction cannot have so many recipients, and AllOrNothing wants one.
	ErrTooManyRecipients = errors.New("more recipients than one transaction may have")
	// ErrUnsupported means that the envelope asks for a guarantee that cannot be passed on. It is
	// wrapped together with an *extension.UnsupportedError where the server does not offer the extension.
	ErrUnsupported = errors.New("the delivery options of the envelope cannot be passed on to this server")
)

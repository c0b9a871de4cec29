package extension

import (
	"strconv"
	"time"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/internal/xtext"
)

// MailParams are the parameters of MAIL. The zero value has none.
type MailParams struct {
	Size       int64              // SIZE=, octets of the message; 0 or less leaves it out (RFC 1870)
	Body       Body               // BODY=
	SMTPUTF8   bool               // SMTPUTF8 (RFC 6531)
	Return     envelope.DSNReturn // RET= (RFC 3461)
	EnvelopeID string             // ENVID=, printable ASCII before its escaping (RFC 3461)
	RequireTLS bool               // REQUIRETLS (RFC 8689)
	Auth       string             // AUTH=, the mailbox of the submitter or "<>" (RFC 4954)
	By         envelope.DeliverBy // BY= (RFC 2852)
	Priority   int                // MT-PRIORITY=, -9 to 9; 0, which servers assume, leaves it out (RFC 6710)
	HoldUntil  time.Time          // HOLDUNTIL=, rounded up to a second (RFC 4865)
	// Extra are parameters of other extensions, as in [envelope.Options].
	Extra string
	// HoldFor is HOLDFOR=, rounded up to a second (RFC 4865). At most one of both is set.
	HoldFor time.Duration
}

// Body says which octets a message holds.
type Body string

// The values of BODY= (RFC 6152 section 2, RFC 3030 section 3).
const (
	Body7Bit   Body = "7BIT"
	Body8Bit   Body = "8BITMIME"
	BodyBinary Body = "BINARYMIME"
)

// AppendTo appends the parameters, each after a space. What Check refuses must not be appended.
func (p MailParams) AppendTo(dst []byte) []byte {
	if p.Size > 0 {
		dst = strconv.AppendInt(append(dst, " SIZE="...), p.Size, 10)
	}
	if p.Body != "" {
		dst = append(append(dst, " BODY="...), p.Body...)
	}
	if p.SMTPUTF8 {
		dst = append(dst, " SMTPUTF8"...)
	}
	if p.Return != "" {
		dst = append(append(dst, " RET="...), p.Return...)
	}
	if p.EnvelopeID != "" {
		dst = xtext.Append(append(dst, " ENVID="...), p.EnvelopeID)
	}
	if p.Auth != "" {
		dst = xtext.Append(append(dst, " AUTH="...), p.Auth)
	}
	if p.RequireTLS {
		dst = append(dst, " REQUIRETLS"...)
	}
	if p.By != (envelope.DeliverBy{}) {
		dst = appendBy(append(dst, " BY="...), p.By)
	}
	if p.Priority != 0 {
		dst = strconv.AppendInt(append(dst, " MT-PRIORITY="...), int64(p.Priority), 10)
	}
	if p.HoldFor != 0 {
		dst = strconv.AppendInt(append(dst, " HOLDFOR="...), p.asked().HoldSeconds(), 10)
	}
	if !p.HoldUntil.IsZero() {
		dst = p.asked().HoldTime().AppendFormat(append(dst, " HOLDUNTIL="...), time.RFC3339)
	}
	if p.Extra != "" {
		dst = append(append(dst, ' '), p.Extra...)
	}
	return dst
}

// appendBy appends the value of BY=, such as 120;RT.
func appendBy(dst []byte, b envelope.DeliverBy) []byte {
	dst = strconv.AppendInt(dst, b.Seconds(), 10)
	if b.Notify {
		dst = append(dst, ";N"...)
	} else {
		dst = append(dst, ";R"...)
	}
	if b.Trace {
		dst = append(dst, 'T')
	}
	return dst
}

// asked returns the parameters that the caller's envelope asks for.
func (p MailParams) asked() envelope.Options {
	return envelope.Options{
		DSNReturn: p.Return, EnvelopeID: p.EnvelopeID, RequireTLS: p.RequireTLS,
		HoldFor: p.HoldFor, HoldUntil: p.HoldUntil, DeliverBy: p.By, Priority: p.Priority, MailParams: p.Extra,
	}
}

package client

import (
	"errors"
	"fmt"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport/smtp/commands"
	"github.com/depeche-mail/depeche/transport/smtp/extension"
)

var errNotEncrypted = errors.New("REQUIRETLS on a connection without TLS")

// askFor translates the delivery options of the envelope into parameters, and makes sure that the
// server offers every one of them: what cannot be passed on is not dropped.
func (c *Conn) askFor(p *plan) error {
	if p.envelope.IsPlain() {
		return nil
	}
	d := p.envelope.Options()
	p.params.Return = d.DSNReturn
	p.params.EnvelopeID = d.EnvelopeID
	p.params.RequireTLS = d.RequireTLS
	p.params.HoldFor, p.params.HoldUntil = d.HoldFor, d.HoldUntil
	p.params.By = d.DeliverBy
	p.params.Priority = d.Priority
	p.params.Extra = d.MailParams
	if !d.Submitter.IsNull() {
		p.params.Auth = d.Submitter.String()
	}
	err := errors.Join(p.params.Check(), p.params.CheckSupported(c.info))
	if d.RequireTLS && c.state == nil { // RFC 8689 section 2
		err = errors.Join(err, errNotEncrypted)
	}
	for i := range p.envelope.Len() {
		r := rcptParams(p.envelope.At(i), d.RcptParams)
		r.UTF8 = p.params.SMTPUTF8
		if r != (extension.RcptParams{UTF8: r.UTF8}) {
			err = errors.Join(err, r.Check(), r.CheckSupported(c.info))
		}
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnsupported, err)
	}
	return nil
}

func rcptParams(r envelope.Recipient, extra string) extension.RcptParams {
	original := r.OriginalRecipient.String()
	if r.OriginalRecipient.IsPostmaster() {
		original = r.OriginalRecipient.LocalPart() // without the brackets of a path
	}
	return extension.RcptParams{Notify: r.Notify, Original: extension.OriginalRecipient{Address: original}, Extra: extra}
}

// rcpt is the command for recipient i.
func (p *plan) rcpt(i int) commands.Rcpt {
	r := p.envelope.At(i)
	command := commands.Rcpt{To: r.Address, UTF8: p.params.SMTPUTF8}
	if !p.envelope.IsPlain() {
		command.Params = rcptParams(r, p.envelope.Options().RcptParams)
	}
	return command
}

package diagnose

import (
	"context"
	"errors"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport/smtp"
	"github.com/depeche-mail/depeche/transport/smtp/client"
	"github.com/depeche-mail/depeche/transport/smtp/commands"
	"github.com/depeche-mail/depeche/transport/smtp/extension"
	"github.com/depeche-mail/depeche/transport/smtp/response"
)

// RunFor is Run that goes on to the sender and the recipients of an envelope: MAIL, RCPT for each of them, and RSET. It
// says whether this login may send as that address, and whether the relay takes mail for those recipients from here.
// No content is sent.
//
// The relay sees such a check: it stands in its logs, counts for its limits, and may start its greylisting.
func RunFor(ctx context.Context, b smtp.Builder, env envelope.Envelope) (*Report, error) {
	if env.Len() == 0 {
		return nil, envelope.ErrNoRecipient
	}
	return run(ctx, b, &env)
}

// RecipientReport is what a relay says of a recipient.
type RecipientReport struct {
	Address envelope.Address
	Reply   response.Response
}

// try says sender and recipients.
func (c *check) try(ctx context.Context, conn *client.Conn) error {
	env := *c.envelope
	params := extension.MailParams{}
	for i := range env.Len() {
		params.SMTPUTF8 = params.SMTPUTF8 || env.At(i).Address.NeedsSMTPUTF8()
	}
	params.SMTPUTF8 = params.SMTPUTF8 || env.From().NeedsSMTPUTF8()
	if params.SMTPUTF8 && !conn.Info().Has(extension.SMTPUTF8) {
		return &client.Error{Phase: client.PhaseMessage, Server: c.config.Address, Err: &extension.UnsupportedError{
			Keyword: extension.SMTPUTF8, Param: "a UTF-8 address",
		}}
	}
	c.report.Sender = env.From()
	if err := c.say(ctx, conn, client.PhaseMail, commands.Mail{From: env.From(), Params: params}, nil); err != nil {
		return err
	}
	var first error
	for i := range env.Len() {
		r := RecipientReport{Address: env.At(i).Address}
		err := c.say(ctx, conn, client.PhaseRcpt, commands.Rcpt{To: r.Address, UTF8: params.SMTPUTF8}, &r.Reply)
		c.report.Recipients = append(c.report.Recipients, r)
		if first == nil {
			first = err
		}
		if conn.Err() != nil {
			return first
		}
	}
	if err := conn.Reset(ctx); err != nil && first == nil {
		return err
	}
	return first
}

// say sends a command; a refusal is an error of its phase.
func (c *check) say(ctx context.Context, conn *client.Conn, phase client.Phase, command commands.Command, reply *response.Response) error {
	r, err := conn.Command(ctx, command)
	if reply != nil {
		*reply = r
	}
	if err != nil {
		if failed, ok := errors.AsType[*client.Error](err); ok {
			failed.Phase = phase
		}
		return err
	}
	if !r.Code.IsCompleted() {
		return &client.Error{Phase: phase, Server: c.config.Address, Response: r}
	}
	return nil
}

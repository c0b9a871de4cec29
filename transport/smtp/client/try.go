package client

import (
	"context"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport/smtp/commands"
	"github.com/depeche-mail/depeche/transport/smtp/extension"
	"github.com/depeche-mail/depeche/transport/smtp/response"
)

// Try says who sends and who receives, and then RSET: no content is sent. It returns the reply to each RCPT, which is
// zero for one that was not said, and the first refusal or fault as an *Error of its phase. Delivery options are not
// asked for. The server sees it, and may count it for its limits.
func (c *Conn) Try(ctx context.Context, env envelope.Envelope) ([]response.Response, error) {
	replies := make([]response.Response, env.Len())
	if err := c.ready(ctx); err != nil {
		return replies, c.fault(PhaseMessage, err)
	}
	params := extension.MailParams{SMTPUTF8: env.From().NeedsSMTPUTF8()}
	for i := range env.Len() {
		params.SMTPUTF8 = params.SMTPUTF8 || env.At(i).Address.NeedsSMTPUTF8()
	}
	if params.SMTPUTF8 && !c.info.Has(extension.SMTPUTF8) {
		return replies, c.fault(PhaseMessage, &extension.UnsupportedError{Keyword: extension.SMTPUTF8, Param: "a UTF-8 address"})
	}
	defer c.wire.rethrow()
	stop := c.wire.watch(ctx)
	defer stop()
	c.dirty = true
	if _, err := c.say(PhaseMail, commands.Mail{From: env.From(), Params: params}); err != nil {
		return replies, err
	}
	var first error
	for i := range replies {
		var err error
		replies[i], err = c.say(PhaseRcpt, commands.Rcpt{To: env.At(i).Address, UTF8: params.SMTPUTF8})
		if first == nil {
			first = err
		}
		if c.Err() != nil {
			return replies, first
		}
	}
	_, err := c.say(PhaseReset, commands.Rset{})
	if err == nil {
		c.dirty = false
	}
	if first == nil {
		first = err
	}
	return replies, first
}

// say sends a command; a refusal is an error of its phase.
func (c *Conn) say(phase Phase, command commands.Command) (response.Response, error) {
	r, err := c.do(phase, command)
	switch {
	case err != nil:
		return r, c.fault(phase, err)
	case !r.Code.IsCompleted():
		return r, c.refusal(phase, r, nil)
	}
	return r, nil
}

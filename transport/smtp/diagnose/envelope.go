package diagnose

import (
	"context"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport/smtp"
	"github.com/depeche-mail/depeche/transport/smtp/client"
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
	c.report.Sender = env.From()
	replies, err := conn.Try(ctx, env)
	for i, reply := range replies {
		c.report.Recipients = append(c.report.Recipients, RecipientReport{Address: env.At(i).Address, Reply: reply})
	}
	return err
}

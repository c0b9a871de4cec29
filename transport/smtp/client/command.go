package client

import (
	"context"

	"github.com/depeche-mail/depeche/transport/smtp/commands"
	"github.com/depeche-mail/depeche/transport/smtp/extension"
	"github.com/depeche-mail/depeche/transport/smtp/response"
)

// Command sends one command and returns the reply, whatever it says; the error is for a broken
// connection or an unusable argument. Commands that change what this package knows of the session
// have methods of their own.
func (c *Conn) Command(ctx context.Context, command commands.Command) (response.Response, error) {
	if err := c.ready(ctx); err != nil {
		return response.Response{}, c.fault(PhaseCommand, err)
	}
	defer c.link.rethrow()
	stop := c.link.watch(ctx)
	defer stop()
	reply, err := c.do(PhaseCommand, command)
	if err != nil {
		return reply, c.fault(PhaseCommand, err)
	}
	return reply, nil
}

// Noop asks whether the server still answers.
func (c *Conn) Noop(ctx context.Context) error { return c.expectOK(ctx, commands.Noop{}) }

// Reset aborts a transaction.
func (c *Conn) Reset(ctx context.Context) error {
	err := c.expectOK(ctx, commands.Rset{})
	c.dirty = err != nil
	return err
}

func (c *Conn) expectOK(ctx context.Context, command commands.Command) error {
	reply, err := c.Command(ctx, command)
	if err == nil && !reply.Code.IsCompleted() {
		err = &Error{Phase: PhaseCommand, Server: c.cfg.Address, Response: reply}
	}
	return err
}

// Rehello introduces the client once more, which resets the session and learns anew what the server
// offers.
func (c *Conn) Rehello(ctx context.Context) error {
	if err := c.ready(ctx); err != nil {
		return c.fault(PhaseHello, err)
	}
	defer c.link.rethrow()
	stop := c.link.watch(ctx)
	defer stop()
	if err := c.hello(); err != nil {
		return err
	}
	c.dirty = false
	return nil
}

// Verify asks about a user or mailbox. 252 means that the server does not tell.
func (c *Conn) Verify(ctx context.Context, target string) (response.Response, error) {
	return c.Command(ctx, commands.Vrfy{Target: target, UTF8: c.info.Has(extension.SMTPUTF8)})
}

// Expand asks for the members of a mailing list, a line each.
func (c *Conn) Expand(ctx context.Context, list string) (response.Response, error) {
	return c.Command(ctx, commands.Expn{Target: list, UTF8: c.info.Has(extension.SMTPUTF8)})
}

// Help asks for help, about a topic or "".
func (c *Conn) Help(ctx context.Context, topic string) (response.Response, error) {
	return c.Command(ctx, commands.Help{Topic: topic})
}

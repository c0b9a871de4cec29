package client

import (
	"context"

	"github.com/depeche-mail/depeche/transport/smtp/commands"
	"github.com/depeche-mail/depeche/transport/smtp/response"
)

// Command sends one command and returns the reply, whatever it says; the error is for a broken
// connection or an unusable argument. Commands that change what this package knows of the session
// have methods of their own.
func (c *Conn) Command(ctx context.Context, command commands.Command) (response.Response, error) {
	if err := c.ready(ctx); err != nil {
		return response.Response{}, c.fault(PhaseCommand, err)
	}
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
	stop := c.link.watch(ctx)
	defer stop()
	if err := c.hello(); err != nil {
		return err
	}
	c.dirty = false
	return nil
}

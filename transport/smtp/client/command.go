package client

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/depeche-mail/depeche/transport/smtp/commands"
	"github.com/depeche-mail/depeche/transport/smtp/extension"
	"github.com/depeche-mail/depeche/transport/smtp/response"
)

// ErrNotFollowed is the cause of a Command that would change what the Conn knows of its session. The error
// names the method to use instead. Nothing was said.
var ErrNotFollowed = errors.New("Command cannot follow this command")

// methods are the methods of a Conn for commands that change its session.
var methods = map[string]string{
	"DATA": "Begin or Send", "BDAT": "Begin or Send", "MAIL": "Begin or Send", "RCPT": "Begin or Send",
	"STARTTLS": "StartTLS", "AUTH": "Authenticate", "QUIT": "Quit", "RSET": "Reset",
	"EHLO": "Rehello", "HELO": "Rehello", "LHLO": "Rehello",
}

// follows returns the error of a command that Command must not send.
func follows(command commands.Command) error {
	line, err := command.AppendTo(nil)
	if err != nil {
		return err
	}
	verb, _, _ := strings.Cut(strings.TrimSpace(string(line)), " ")
	if method, own := methods[strings.ToUpper(verb)]; own {
		return fmt.Errorf("%w: for %s use %s", ErrNotFollowed, strings.ToUpper(verb), method)
	}
	switch command.(type) {
	case commands.AuthResponse, commands.AuthCancel: // a line of a dialogue that Authenticate leads
		return fmt.Errorf("%w: for AUTH use Authenticate", ErrNotFollowed)
	}
	return nil
}

// Command sends one command and returns the reply, whatever it says; the error is for a broken
// connection or an unusable argument. Commands that change what this package knows of the session, such as
// MAIL, DATA, AUTH or QUIT, have methods of their own, and are refused here with ErrNotFollowed.
func (c *Conn) Command(ctx context.Context, command commands.Command) (response.Response, error) {
	if err := follows(command); err != nil {
		return response.Response{}, c.fault(PhaseMessage, err)
	}
	return c.command(ctx, command)
}

func (c *Conn) command(ctx context.Context, command commands.Command) (response.Response, error) {
	if err := c.ready(ctx); err != nil {
		return response.Response{}, c.fault(PhaseCommand, err)
	}
	defer c.wire.rethrow()
	stop := c.wire.watch(ctx)
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
	reply, err := c.command(ctx, command)
	if err == nil && !reply.Code.IsCompleted() {
		err = &Error{Phase: PhaseCommand, Server: c.cfg.Address, Response: reply}
	}
	return err
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

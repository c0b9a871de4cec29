package client

import (
	"context"
	"errors"

	"github.com/depeche-mail/depeche/transport/smtp/authentication"
	"github.com/depeche-mail/depeche/transport/smtp/extension"
)

// Errors of calls that change the session.
var (
	// ErrEncrypted means that the connection has TLS already.
	ErrEncrypted = errors.New("the connection is encrypted already")
	// ErrLoggedIn means that the session has a login already (RFC 4954 section 4 allows one).
	ErrLoggedIn = errors.New("the session is logged in already")
)

// StartTLS encrypts a connection that was opened with TLSNone, or with TLSDangerousOpportunistic where
// STARTTLS was not offered, and learns anew what the server offers. A caller who looks at Info first and then
// chooses uses it. When it fails the connection is closed: there is no way back to clear text.
func (c *Conn) StartTLS(ctx context.Context) error {
	if c.state != nil {
		return c.fault(PhaseTLS, ErrEncrypted)
	}
	return c.change(ctx, PhaseTLS, func() error {
		if err := c.startTLS(ctx); err != nil {
			c.wire.fail(err)
			return err
		}
		return nil
	})
}

// Authenticate logs in on a session that was opened without credentials. The rules of Dial hold: no mechanism
// with a secret without TLS unless Config.InsecureAuth is set, and no secret that the server has
// rejected a moment ago. After an error other than that of a broken connection the session goes on, without a
// login.
func (c *Conn) Authenticate(ctx context.Context, credentials authentication.Credentials) error {
	if c.loggedIn {
		return c.fault(PhaseAuth, ErrLoggedIn)
	}
	if err := c.cfg.Logins.Check(ctx, credentials); err != nil {
		return c.fault(PhaseAuth, err)
	}
	return c.change(ctx, PhaseAuth, func() error {
		before := c.cfg.Credentials
		c.cfg.Credentials = credentials
		if err := c.login(ctx); err != nil {
			c.cfg.Credentials = before
			return err
		}
		return nil
	})
}

// Rehello introduces the client once more, which resets the session and learns anew what the server
// offers. The zero name is the one that was used before.
func (c *Conn) Rehello(ctx context.Context, name extension.HelloName) error {
	return c.change(ctx, PhaseHello, func() error {
		if !name.IsZero() {
			c.cfg.HelloName = name
		}
		if err := c.hello(); err != nil {
			return err
		}
		c.dirty = false
		return nil
	})
}

// change runs a call that changes the session, in which no transaction may be open (RFC 4954 section 4).
func (c *Conn) change(ctx context.Context, phase Phase, do func() error) error {
	if err := c.ready(ctx); err != nil {
		return c.fault(phase, err)
	}
	if c.dirty && phase != PhaseHello {
		if err := c.Reset(ctx); err != nil {
			return err
		}
	}
	defer c.wire.rethrow()
	returned := false
	defer c.breakUnless(&returned)
	stop := c.wire.watch(ctx)
	defer stop()
	err := do()
	returned = true
	return err
}

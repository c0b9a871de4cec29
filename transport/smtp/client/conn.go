package client

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"time"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/internal/bodyscan"
	"github.com/depeche-mail/depeche/internal/expired"
	"github.com/depeche-mail/depeche/transport/smtp/authentication"
	"github.com/depeche-mail/depeche/transport/smtp/commands"
	"github.com/depeche-mail/depeche/transport/smtp/extension"
	"github.com/depeche-mail/depeche/transport/smtp/response"
)

// Conn is one session with a server, greeted and, where asked for, encrypted and logged in. It
// belongs to one goroutine at a time; Close may be called by any.
type Conn struct {
	cfg       Config
	wire      *wire
	helloName string // what we called ourselves
	state     *tls.ConnectionState
	greeting  response.Response
	info      extension.ServerInfo
	before    extension.ServerInfo    // info before TLS
	limits    extension.SessionLimits // of info
	size      int64                   // the SIZE of info
	offers    offers                  // of info

	// What is being written; here so that it needs no memory of its own each time.
	mail   commands.Mail
	rcpt   commands.Rcpt
	filler content
	exact  bodyscan.Exact

	domains     map[string]bool // of the recipients so far, where the server limits them
	dirty       bool            // the last transaction did not end cleanly: RSET before the next
	sends       int             // transactions so far
	current     *Transaction    // nil between transactions
	goodbye     *single         // the reply to a QUIT that was said in SendLast; nil when it was not
	checkedIdle bool            // Alive was the last thing that was done
	window      int             // how many mails at once the last Stream had come to
	cachedNow   instant         // the time as of the last look, in a Stream; else 0
	budget      budget          // of errors
	probed      bool            // with a mail
	probedLogin bool
	loggedIn    bool
}

// Dial connects to cfg.Address and opens a session. When it fails, nothing of the connection is left.
func Dial(ctx context.Context, cfg Config) (*Conn, error) {
	cfg = cfg.withDefaults()
	dial := cfg.Dial
	if dial == nil {
		dial = (&net.Dialer{LocalAddr: cfg.LocalAddr}).DialContext
	}
	if err := cfg.Logins.Check(ctx, cfg.Credentials); err != nil { // the server need not see us
		failed := &Error{Phase: PhaseAuth, Server: cfg.Address, Err: err}
		failed.setHint(cfg.Situation(failed).Hint())
		return nil, failed
	}
	limited, cancel := context.WithTimeout(ctx, cfg.Timeouts.Dial)
	defer cancel()
	nc, err := dial(limited, cfg.Network, cfg.Address)
	if err != nil {
		if cause := expired.Cause(ctx); cause != nil {
			err = errors.Join(cause, err)
		}
		err = within(ctx, cfg.Timeouts.Dial, err)
		failed := &Error{Phase: PhaseDial, Server: cfg.Address, Err: err}
		if expired.Cause(ctx) == nil {
			failed.setHint(cfg.Situation(failed).Hint())
		}
		return nil, failed
	}
	return New(ctx, nc, cfg)
}

// New opens a session on a connection that the caller made. It owns nc from now on, and closes
// it when the session cannot be opened.
func New(ctx context.Context, nc net.Conn, cfg Config) (*Conn, error) {
	cfg = cfg.withDefaults()
	if cfg.Mask.IsZero() {
		cfg.Mask = authentication.NewSecretMask()
	}
	c := &Conn{cfg: cfg, wire: newWire(nc, &cfg)}
	c.wire.told.Login(cfg.Credentials)
	if cfg.Chunking == ChunkingProven {
		c.wire.guarded.chunking = chunksProven
	}
	defer c.wire.rethrow()
	returned := false
	defer c.breakUnless(&returned)
	stop := c.wire.watch(ctx)
	defer stop()
	err := c.open(ctx)
	returned = true
	if err == nil {
		return c, nil
	}
	c.closeUnopened(err)
	if cause := expired.Cause(ctx); cause != nil { // whatever broke first, it broke because ctx ended
		err.Err = errors.Join(cause, err.Err)
		return nil, err
	}
	return nil, c.addHints(err)
}

// breakUnless is deferred by calls that run code of the caller: when that panics, the state of the session
// is not known, and half a message must not be ended.
func (c *Conn) breakUnless(returned *bool) {
	if !*returned {
		c.wire.fail(errAbandoned)
	}
}

// closeUnopened closes a connection on which no session came about, with a goodbye where the server refused it
// (RFC 5321 section 3.1). The answer is not waited for.
func (c *Conn) closeUnopened(err *Error) {
	if !err.Response.IsZero() && err.Response.Code != response.ServiceUnavailable && c.wire.broken() == nil {
		if c.enqueue(expectation{step: stepQuit, to: &single{}}, commands.Quit{}) == nil {
			_ = c.wire.flush() // the connection is closed next
		}
	}
	c.wire.fail(err)
}

// State is what can be done with a connection.
type State uint8

// The states of a Conn.
const (
	StateReady       State = iota // for a mail or a command
	StateTransaction              // a Transaction is open
	StateClosing                  // the server said 421: nothing more, but to Close
	StateBroken                   // closed, or of no use after an error
)

// State returns the state of the connection. It does not ask the server.
func (c *Conn) State() State {
	switch err := c.Err(); {
	case errors.Is(err, ErrClosing):
		return StateClosing
	case err != nil:
		return StateBroken
	case c.current != nil:
		return StateTransaction
	}
	return StateReady
}

// ID returns the number of the connection in this process, from 1, by which its events are found.
func (c *Conn) ID() uint64 { return c.wire.id }

// Info returns what the server offers, as it said after the last hello.
func (c *Conn) Info() extension.ServerInfo { return c.info }

// InfoBeforeTLS returns what the server offered before STARTTLS. It is not protected: it is for
// reports, and nothing is decided by it.
func (c *Conn) InfoBeforeTLS() extension.ServerInfo { return c.before }

// Greeting returns the server's first reply.
func (c *Conn) Greeting() response.Response { return c.greeting }

// TLS returns the state of the encryption; nil without one.
func (c *Conn) TLS() *tls.ConnectionState { return c.state }

// RemoteAddr returns the address of the server.
func (c *Conn) RemoteAddr() net.Addr { return c.wire.raw.RemoteAddr() }

// LocalAddr returns the address of the client.
func (c *Conn) LocalAddr() net.Addr { return c.wire.raw.LocalAddr() }

// Transactions returns the number of transactions that were started.
func (c *Conn) Transactions() int { return c.sends }

// ReachedMailMax reports whether the server has said that it takes no more mail in this session (MAILMAX,
// RFC 9422 section 4.1).
func (c *Conn) ReachedMailMax() bool {
	most := c.limits.MailMax
	return most > 0 && c.sends >= most
}

// CanTakeDomains reports whether the recipients of env may be named in this session: a server can limit how many
// different domains that may be (RCPTDOMAINMAX, RFC 9422 section 4.3).
func (c *Conn) CanTakeDomains(env envelope.Envelope) bool {
	most := c.limits.RcptDomainMax
	if most == 0 || len(c.domains) == 0 { // more than that would be too many for any session
		return true
	}
	more := map[string]bool{}
	for i := range env.Len() {
		if domain := env.At(i).Address.Domain(); !c.domains[domain] {
			more[domain] = true
		}
	}
	return len(c.domains)+len(more) <= most
}

// Hijack ends the session without a word and returns the connection, with its TLS if it has any, to a
// caller who goes on with another protocol. What the server said unasked after its last reply is lost.
// It must not be called while a command is under way; the Conn is broken afterwards.
func (c *Conn) Hijack() net.Conn {
	w := c.wire
	w.lock().err = ErrHijacked
	w.unlock()
	w.told.Close()
	_ = w.nc.SetReadDeadline(time.Unix(1, 0)) // ends the reader
	<-w.stopped
	_ = w.nc.SetDeadline(time.Time{}) // the new owner's first call shows what is wrong
	return w.nc
}

// Err returns why the connection can no longer be used, or nil. It does not ask the server.
func (c *Conn) Err() error {
	in := c.wire.lock()
	defer c.wire.unlock()
	switch {
	case c.goodbye != nil && (in.err == nil || c.goodbye.done): // after 221 the server ends the stream
		return ErrBroken
	case in.err != nil:
		return in.err
	case in.closing:
		return ErrClosing
	}
	return nil
}

// Alive reports whether the connection still looks usable: nothing has come that was not asked for,
// neither a reply nor the end of the stream. It does not say a word to the server.
func (c *Conn) Alive() bool {
	c.wire.checkIdle()
	c.checkedIdle = true
	return c.Err() == nil
}

// Quit says goodbye, if SendLast has not, and closes the connection. A server that closes without an answer has
// understood too. It waits for at most the Reset timeout.
func (c *Conn) Quit(ctx context.Context) error {
	said := c.goodbye != nil && c.wire.broken() == nil
	if !said && c.Err() != nil {
		return c.Close()
	}
	defer c.wire.rethrow()
	stop := c.wire.watch(ctx)
	if said {
		_ = c.wire.wait(func(*receiver) bool { return c.goodbye.done }) // nor does this matter
	} else {
		_, _ = c.do(PhaseQuit, commands.Quit{}) // the connection is closed whatever the answer is
	}
	stop()
	return c.Close()
}

// Close closes the connection without a word. A second Close does nothing.
func (c *Conn) Close() error {
	c.wire.fail(ErrBroken)
	if c.wire.stopped != nil {
		<-c.wire.stopped
	}
	return nil
}

// do writes one command and waits for its reply.
func (c *Conn) do(phase Phase, command commands.Command) (response.Response, error) {
	var s single
	if err := c.enqueue(expectation{step: stepOf(phase), to: &s}, command); err != nil {
		return response.Response{}, err
	}
	if err := c.wire.flush(); err != nil {
		return response.Response{}, err
	}
	if err := c.wire.wait(func(*receiver) bool { return s.done }); err != nil {
		return response.Response{}, err // the reader may still write to s
	}
	return s.response, nil
}

// enqueue adds a command to the flight and the expectation of its reply.
func (c *Conn) enqueue(e expectation, command commands.Command) error {
	start := len(c.wire.out)
	out, err := command.AppendTo(c.wire.out)
	if err != nil {
		return err
	}
	c.wire.out = out
	c.traceCommand(e, command, out[start:])
	c.wire.enqueue(e)
	return nil
}

// traceCommand reports a command to the trace.
func (c *Conn) traceCommand(e expectation, command commands.Command, line []byte) {
	if c.wire.tracing {
		c.wire.report(Event{Kind: EventCommand, Text: traceLine(command, line)}.about(e))
	}
}

// traceLine returns the line of a command for the trace. What follows AUTH and its mechanism is secret.
func traceLine(command commands.Command, line []byte) string {
	switch a := command.(type) {
	case commands.Auth:
		if a.Initial == nil {
			return "AUTH " + a.Mechanism
		}
		return "AUTH " + a.Mechanism + " ***"
	case commands.AuthResponse:
		return "***"
	}
	return string(line[:len(line)-2])
}

// fault wraps err, unless it is an *Error already.
func (c *Conn) fault(phase Phase, err error) *Error {
	var known *Error
	if errors.As(err, &known) {
		return known
	}
	if _, ok := alertOf(err); ok && c.state != nil { // TLS 1.3 servers judge us after the handshake
		fault := (&recordingConn{}).tlsError(err)
		phase, fault.ServerName, err = PhaseTLS, c.cfg.serverName(), fault
	}
	return &Error{Phase: phase, Server: c.cfg.Address, Err: err}
}

// single takes the reply to one command.
type single struct {
	response response.Response
	done     bool
}

func (s *single) reply(_ *receiver, _ expectation, r response.Response) (bool, error) {
	s.response, s.done = r, true
	return false, nil
}

// idleAfter is how long a server must have been silent for its closing of the connection to be a
// likely thing.
const idleAfter = time.Second

// idle reports whether the server may have closed the connection without our knowing yet.
func (c *Conn) idle() bool {
	in := c.wire.lock()
	defer c.wire.unlock()
	return time.Duration(c.wire.now()-in.last) > idleAfter || c.careful()
}

// careful reports whether the server is expected to close the connection in place of the next mail.
func (c *Conn) careful() bool {
	return c.cfg.CarefulAfter > 0 && c.sends == c.cfg.CarefulAfter
}

// LastHeard returns when the server last said something.
func (c *Conn) LastHeard() time.Time {
	defer c.wire.unlock()
	return c.wire.time(c.wire.lock().last)
}

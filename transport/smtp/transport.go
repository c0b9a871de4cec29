package smtp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/internal/expired"
	"github.com/depeche-mail/depeche/internal/pool"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/outcome"
	"github.com/depeche-mail/depeche/transport/smtp/authentication"
	"github.com/depeche-mail/depeche/transport/smtp/client"
)

// ErrBusy means that as many sends wait for a connection as Pool.MaxWaiting allows, or that this one has waited for as long as
// Pool.MaxWait allows. Nothing was sent, and a later attempt may succeed: it is temporary.
var ErrBusy = pool.ErrBusy

// Transport sends through one relay with one identity. It is safe for concurrent use.
type Transport struct {
	config   client.Config
	limits   Pool
	bulk     bulk
	provider Provider // of ForProvider
	dialect  outcome.Dialect
	pool     *pool.Pool[*client.Conn]
	lookUp   lookUp
	eyes     eyes
	account  *Account // one relay, one identity
}

func newTransport(config client.Config, limits Pool, bulk bulk, account *Account) *Transport {
	config.Logins = &account.logins
	config.Mask = authentication.NewSecretMask()
	t := &Transport{config: config, limits: limits, bulk: bulk, account: account, lookUp: net.DefaultResolver.LookupNetIP}
	t.pool = pool.New(pool.Options[*client.Conn]{
		MaxOpen: limits.MaxOpen, MaxIdle: limits.MaxIdle, MinIdle: limits.MinIdle, MaxWaiting: limits.MaxWaiting,
		IdleTimeout: limits.IdleTimeout, MaxAge: limits.MaxAge, Closed: transport.ErrClosed, Group: &account.connections,
		OneFirst: !config.Credentials.IsZero(), // the first of many logs in; while it is open, 454 to another one is about their number
		Open:     t.open, Ahead: t.openAhead, Judge: t.failure, Learned: t.limited, Usable: t.usable, Alive: (*client.Conn).Alive, Close: quit, Kill: kill, Left: t.left,
	})
	t.pool.Start() // what it opens looks at t.pool
	return t
}

func (t *Transport) open(ctx context.Context) (*client.Conn, error) {
	return t.dial(ctx, func(d transport.Decision) { transport.Tell(ctx, d) })
}

func (t *Transport) usable(c *client.Conn) bool {
	return c.Err() == nil && !t.full(c) && t.account.learned.suits(c)
}

// quit says goodbye; the connection's own timeout bounds it.
func quit(c *client.Conn) { _ = c.Quit(context.Background()) } // nothing depends on the answer

func kill(c *client.Conn) { _ = c.Close() } // never fails

// errWait is the error of a send that has waited for as long as Pool.MaxWait allows.
var errWait error = waitError{}

type waitError struct{}

func (waitError) Error() string { return "there was none within Pool.MaxWait" }
func (waitError) Unwrap() error { return ErrBusy }

// patience is how long one Send may still wait for connections, all its waits together.
type patience struct {
	limited bool
	left    time.Duration
}

func (t *Transport) patience() *patience {
	return &patience{limited: t.limits.MaxWait > 0, left: t.limits.MaxWait}
}

// get gets a connection as long as there is patience.
func (a *patience) get(ctx context.Context, from func(context.Context) (*pool.Lease[*client.Conn], error)) (*pool.Lease[*client.Conn], error) {
	if !a.limited {
		return from(ctx)
	}
	begin := time.Now()
	limited, cancel := context.WithTimeoutCause(ctx, a.left, errWait)
	defer cancel()
	lease, err := from(limited)
	a.left -= time.Since(begin)
	return lease, err
}

// Send sends mail and reports every recipient's outcome; see the package comment for what is certain
// afterwards. It waits for a free connection as long as ctx allows. The error is a
// *transport.SendError.
func (t *Transport) Send(ctx context.Context, mail transport.Mail) (*transport.Result, error) {
	return t.send(ctx, mail, (*client.Conn).Send)
}

// SendLast is Send and then Shutdown, for a program that sends one mail: QUIT travels with the end of the content, which
// saves a round trip; see [client.Conn.SendLast]. Other sends under way end first. The Result and the error are
// those of Send, whatever becomes of the goodbye.
func (t *Transport) SendLast(ctx context.Context, mail transport.Mail) (*transport.Result, error) {
	result, err := t.send(ctx, mail, (*client.Conn).SendLast)
	_ = t.Shutdown(ctx) // the outcome is known; a lost goodbye does not change it
	return result, err
}

// sendFunc is a method of a Conn that sends a mail.
type sendFunc func(*client.Conn, context.Context, client.Mail) *client.Result

func (t *Transport) send(ctx context.Context, mail transport.Mail, send sendFunc) (*transport.Result, error) {
	t.eyes.see(ctx)
	begin := time.Now()
	env := mail.Envelope()
	waits := t.patience()
	lease, err := t.getWithRoom(ctx, env, waits, t.pool.Get)
	if err != nil {
		return t.unreached(mail, err)
	}
	got := time.Now()
	conn, reused := lease.Value(), lease.Reused()
	receipt, others := t.sendOn(ctx, lease, mail, send)
	for retry := (resends{reused: reused}); retry.may(t, receipt, others) && expired.Cause(ctx) == nil; {
		t.resends(ctx, conn, mail, receipt)
		get := t.pool.Fresh
		if retry.waits {
			get = lease.Again
		}
		if lease, err = t.getWithRoom(ctx, env, waits, get); err != nil {
			return t.unreached(mail, err)
		}
		got, conn, reused = time.Now(), lease.Value(), lease.Reused()
		receipt, others = t.sendOn(ctx, lease, mail, send)
	}
	result, err := t.report(mail, receipt)
	if reused {
		result.Timing.Wait = got.Sub(begin)
	} else {
		result.Timing.Connect = got.Sub(begin)
	}
	return result, err
}

// resends says how often a mail that Send has lost goes over another connection: once after one that had been
// used before and was at its end, once in each other way, and some times when the relay has too much to do while other
// connections are open: then it waits for one of them.
type resends struct {
	reused   bool // and not replaced yet
	waits    bool // for a connection that is open
	refusals int  // about load
	other    [2]bool
}

// may reports whether the mail goes over one more connection. others says that connections are open.
func (a *resends) may(t *Transport, r *client.Result, others bool) bool {
	a.waits = false
	if way := r.Fallback(); way != client.FallbackNone && !a.other[way-1] && t.account.learned.fallback(r) {
		a.other[way-1] = true
		return true
	}
	may := a.reused && r.ConnectionWasDead()
	a.reused = false
	if !may && others && isAboutLoad(r) && a.refusals < maxRefusals {
		a.refusals++
		a.waits = true
	}
	return may || a.waits
}

// getWithRoom gets a connection that may take the recipients of env. A new connection may, so it ends.
func (t *Transport) getWithRoom(ctx context.Context, env envelope.Envelope, waits *patience, get func(context.Context) (*pool.Lease[*client.Conn], error)) (*pool.Lease[*client.Conn], error) {
	for {
		lease, err := waits.get(ctx, get)
		if err != nil || lease.Value().CanTakeDomains(env) && t.account.learned.suits(lease.Value()) {
			return lease, err
		}
		lease.Discard()
		get = t.pool.Fresh
	}
}

// idleAfter is how long a server must have been silent for an end of the stream to say nothing about how many
// mails it takes.
const idleAfter = time.Second

// sendOn sends over one connection and gives it back, also when the mail panics. others says, after a refusal about load,
// that other connections are open.
func (t *Transport) sendOn(ctx context.Context, lease *pool.Lease[*client.Conn], mail transport.Mail, send sendFunc) (receipt *client.Result, others bool) {
	conn := lease.Value()
	returned := false
	defer func() {
		if !returned {
			lease.Discard()
		}
	}()
	if t.account.idle.known.Load() {
		t.keepIdle() // what is too old is forgotten
	}
	before, heard := conn.Transactions(), conn.LastHeard()
	quiet := time.Since(heard)
	idle := quiet > idleAfter
	receipt = send(conn, ctx, mail)
	returned = true
	found := conn.Findings()
	failure, lost := receipt.Failure()
	t.account.learned.note(found)
	t.account.learned.judge(conn, receipt)
	switch {
	case !idle:
	case receipt.ConnectionWasDead() && (failure.Response.IsZero() || failure.Response.IsBadConnection()):
		t.endedIdle(heard, quiet, !failure.Response.IsZero())
	case isAnswered(receipt):
		t.account.idle.survived(quiet)
	}
	switch {
	case isHangUp(receipt), endsShare(receipt):
		t.account.limit.ended(before, false)
	case found.EndedSilently && lost && failure.Response.IsZero() && !idle:
		t.account.limit.ended(before, true)
	case conn.Err() == nil:
		t.account.limit.reached(conn.Transactions())
	}
	switch {
	case isAboutLoad(receipt):
		others = lease.Refused(aboutNumber(conn, receipt), receipt.Err)
	case isSurplus(receipt):
		lease.Surplus(receipt.Err)
	case conn.Err() != nil, endsShare(receipt):
		lease.Discard()
	default:
		lease.Release()
	}
	return receipt, others
}

// Check opens a connection, or takes an idle one and asks the server for a sign of life.
func (t *Transport) Check(ctx context.Context) error {
	t.eyes.see(ctx)
	lease, err := t.pool.Get(ctx)
	if err != nil {
		return t.waited(err)
	}
	if !lease.Reused() {
		lease.Release()
		return nil
	}
	alive := false
	defer func() { // also when a function of the caller's does not return, such as that of Trace
		if alive {
			lease.Release()
		} else {
			lease.Discard()
		}
	}()
	err = lease.Value().Noop(ctx)
	alive = err == nil
	return err
}

// Stats returns figures of the connections.
func (t *Transport) Stats() Stats { return t.pool.Stats() }

// Shutdown refuses new mail, lets the sends under way end, says goodbye on every connection, and
// returns when that is done; a server that does not answer the goodbye within 2 s is not waited for. When ctx ends first, what is left is closed at once, as by Close.
func (t *Transport) Shutdown(ctx context.Context) error { return t.pool.Shutdown(ctx) }

// Close closes every connection at once. Sends under way end with what is certain at that moment.
func (t *Transport) Close() error {
	t.pool.Close()
	return nil
}

// waited says for what was waited when no connection was had.
func (t *Transport) waited(err error) error {
	if errors.Is(err, transport.ErrClosed) || errors.As(err, new(*client.Error)) {
		return err
	}
	return fmt.Errorf("waiting for one of %d connections: %w", t.limits.MaxOpen, err)
}

// unreached is the result of a mail for which there was no connection.
func (t *Transport) unreached(mail transport.Mail, err error) (*transport.Result, error) {
	result := transport.NewResult(mail.Envelope(), transport.NotSent, transport.Reply{})
	result.Identify(mail)
	result.Relay = t.config.Address
	var failed *client.Error
	if !errors.As(err, &failed) {
		return result, &transport.SendError{Result: result, Phase: transport.PhaseWait, Err: t.waited(err)}
	}
	e := sendError(result, failed)
	m := t.dialect.Read(e.Phase, e.Reply, true, time.Now())
	fault := m.Fault
	if m.Outcome == transport.Deferred && e.Reply.Code/100 == 5 {
		e.Err = passingError{e.Err}
	}
	if login, ok := errors.AsType[*authentication.Error](failed); ok && e.Reply.IsZero() && !login.Temporary() {
		fault = transport.FaultAccount
	}
	for i := range result.Recipients {
		result.Recipients[i].Fault, result.Recipients[i].RetryAfter = fault, m.RetryAfter
	}
	return result, e
}

// passingError is the refusal of a session by 5yz that passes all the same, because a quota is used up.
type passingError struct{ error }

// Unwrap returns the refusal.
func (e passingError) Unwrap() error { return e.error }

// Temporary returns true.
func (passingError) Temporary() bool { return true }

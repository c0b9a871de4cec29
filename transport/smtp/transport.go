package smtp

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/internal/expired"
	"github.com/depeche-mail/depeche/internal/pool"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/smtp/authentication"
	"github.com/depeche-mail/depeche/transport/smtp/client"
)

// ErrBusy means that as many sends wait for a connection as Pool.MaxWaiting allows. Nothing was sent.
var ErrBusy = pool.ErrBusy

// Transport sends through one relay with one identity. It is safe for concurrent use.
type Transport struct {
	config   client.Config
	limits   Pool
	bulk     bulk
	provider Provider // of ForProvider
	pool     *pool.Pool[*client.Conn]
	learned  learned
	limit    learnedLimit
}

func newTransport(config client.Config, limits Pool, bulk bulk) *Transport {
	config.Logins = &authentication.RejectedSecrets{} // one relay, one identity
	t := &Transport{config: config, limits: limits, bulk: bulk}
	t.pool = pool.New(pool.Options[*client.Conn]{
		MaxOpen: limits.MaxOpen, MaxIdle: limits.MaxIdle, MinIdle: limits.MinIdle, MaxWaiting: limits.MaxWaiting,
		IdleTimeout: limits.IdleTimeout, MaxAge: limits.MaxAge, Closed: transport.ErrClosed,
		Open: t.open, Usable: t.usable, Alive: (*client.Conn).Alive, Close: quit, Kill: kill,
	})
	return t
}

func (t *Transport) open(ctx context.Context) (*client.Conn, error) {
	config := t.learned.configure(t.config)
	config.CarefulAfter = t.limit.careAfter()
	begin := time.Now()
	conn, err := client.Dial(t.watch(ctx), config)
	d := transport.Decision{Kind: transport.DecisionConnect, Relay: config.Address, Wait: time.Since(begin)}
	if err != nil {
		d.Kind, d.Err = transport.DecisionConnectFail, err
	}
	transport.Tell(ctx, d)
	return conn, err
}

// watch tells the observers of ctx of secrets that a source was asked for.
func (t *Transport) watch(ctx context.Context) context.Context {
	if !transport.Observed(ctx) {
		return ctx
	}
	return authentication.WithWatch(ctx, func(err error) {
		d := transport.Decision{Kind: transport.DecisionToken, Relay: t.config.Address}
		if err != nil {
			d.Kind, d.Err = transport.DecisionTokenFail, err
		}
		transport.Tell(ctx, d)
	})
}

// resends tells that a mail goes over another connection, because the one that it was on was at its end.
func (t *Transport) resends(ctx context.Context, mail transport.Mail, receipt *client.Result) {
	transport.Tell(ctx, transport.Decision{
		Kind: transport.DecisionResend, Mail: mail, Relay: t.config.Address, Recipients: len(receipt.Recipients), Err: receipt.Err,
	})
}

func (t *Transport) usable(c *client.Conn) bool {
	return c.Err() == nil && !t.full(c) && t.learned.suits(c)
}

// quit says goodbye; the connection's own timeout bounds it.
func quit(c *client.Conn) { _ = c.Quit(context.Background()) } // nothing depends on the answer

func kill(c *client.Conn) { _ = c.Close() } // never fails

// Send sends mail and reports every recipient's outcome; see the package comment for what is certain
// afterwards. It waits for a free connection as long as ctx allows. The error is a
// *transport.SendError.
func (t *Transport) Send(ctx context.Context, mail transport.Mail) (*transport.Result, error) {
	begin := time.Now()
	env := mail.Envelope()
	lease, err := t.roomy(ctx, env, t.pool.Get)
	if err != nil {
		return t.unreached(mail, err)
	}
	got := time.Now()
	reused := lease.Reused()
	receipt := t.sendOn(ctx, lease, mail)
	for retry := (again{reused: reused}); retry.may(t, receipt) && expired.Cause(ctx) == nil; {
		t.resends(ctx, mail, receipt)
		if lease, err = t.roomy(ctx, env, t.pool.Fresh); err != nil {
			return t.unreached(mail, err)
		}
		got, reused = time.Now(), lease.Reused()
		receipt = t.sendOn(ctx, lease, mail)
	}
	result, err := t.report(mail, receipt)
	if reused {
		result.Timing.Wait = got.Sub(begin)
	} else {
		result.Timing.Connect = got.Sub(begin)
	}
	return result, err
}

// again says how often a mail that Send has lost goes over another connection: once after one that had been
// used before and was at its end, and once in each other way.
type again struct {
	reused bool // and not replaced yet
	other  [2]bool
}

func (a *again) may(t *Transport, r *client.Result) bool {
	if way := r.Fallback(); way != client.FallbackNone && !a.other[way-1] && t.learned.fallback(r) {
		a.other[way-1] = true
		return true
	}
	may := a.reused && r.ConnectionWasDead()
	a.reused = false
	return may
}

// roomy gets a connection that may take the recipients of env. It ends, because one that is new may.
func (t *Transport) roomy(ctx context.Context, env envelope.Envelope, get func(context.Context) (*pool.Lease[*client.Conn], error)) (*pool.Lease[*client.Conn], error) {
	for {
		lease, err := get(ctx)
		if err != nil || lease.Value().CanTakeDomains(env) && t.learned.suits(lease.Value()) {
			return lease, err
		}
		lease.Discard()
		get = t.pool.Fresh
	}
}

// idleAfter is how long a server must have been silent for an end of the stream to say nothing about how many
// mails it takes.
const idleAfter = time.Second

// sendOn sends over one connection and gives it back, also when the mail panics.
func (t *Transport) sendOn(ctx context.Context, lease *pool.Lease[*client.Conn], mail transport.Mail) *client.Result {
	conn := lease.Value()
	returned := false
	defer func() {
		if !returned {
			lease.Discard()
		}
	}()
	before, idle := conn.Transactions(), time.Since(conn.LastHeard()) > idleAfter
	receipt := conn.Send(ctx, mail)
	returned = true
	found := conn.Findings()
	failure, lost := receipt.Failure()
	t.learned.note(found)
	t.learned.judge(conn, receipt)
	switch {
	case isHangUp(receipt):
		t.limit.ended(before, false)
	case found.EndedSilently && lost && failure.Response.IsZero() && !idle:
		t.limit.ended(before, true)
	case conn.Err() == nil:
		t.limit.reached(conn.Transactions())
	}
	if conn.Err() != nil {
		lease.Discard()
	} else {
		lease.Release()
	}
	return receipt
}

// Check opens a connection, or takes an idle one and asks the server for a sign of life.
func (t *Transport) Check(ctx context.Context) error {
	lease, err := t.pool.Get(ctx)
	if err != nil {
		return err
	}
	if !lease.Reused() {
		lease.Release()
		return nil
	}
	if err := lease.Value().Noop(ctx); err != nil {
		lease.Discard()
		return err
	}
	lease.Release()
	return nil
}

// Stats returns figures of the connections.
func (t *Transport) Stats() Stats { return t.pool.Stats() }

// Shutdown refuses new mail, lets the sends under way end, says goodbye on every connection, and
// returns when that is done. When ctx ends first, what is left is closed at once, as by Close.
func (t *Transport) Shutdown(ctx context.Context) error { return t.pool.Shutdown(ctx) }

// Close closes every connection at once. Sends under way end with what is certain at that moment.
func (t *Transport) Close() error {
	t.pool.Close()
	return nil
}

// unreached is the result of a mail for which there was no connection.
func (t *Transport) unreached(mail transport.Mail, err error) (*transport.Result, error) {
	result := transport.NewResult(mail.Envelope(), transport.NotSent, transport.Reply{})
	result.Identify(mail)
	result.Relay = t.config.Address
	var failed *client.Error
	if !errors.As(err, &failed) {
		if !errors.Is(err, transport.ErrClosed) {
			err = fmt.Errorf("waiting for one of %d connections: %w", t.limits.MaxOpen, err)
		}
		return result, &transport.SendError{Result: result, Phase: transport.PhaseWait, Err: err}
	}
	e := sendError(result, failed)
	fault := transport.FaultOf(e.Phase, e.Reply, true)
	if login, ok := errors.AsType[*authentication.Error](failed); ok && e.Reply.IsZero() && !login.Temporary() {
		fault = transport.FaultAccount
	}
	for i := range result.Recipients {
		result.Recipients[i].Fault = fault
	}
	return result, e
}

package smtp

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/depeche-mail/depeche/internal/pool"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/smtp/authentication"
	"github.com/depeche-mail/depeche/transport/smtp/client"
)

// eyes are the observers of the newest call, who are told of what the pool decides when no call is under way. Before
// the first of them the decisions are kept, up to a bound: a relay that cannot be reached when a program starts is
// what an operator wants to see.
type eyes struct {
	mu   sync.Mutex
	ctx  context.Context // of the newest observed call, without anything but its observers; nil for none
	kept []transport.Decision
}

const maxKept = 64

// see notes the observers of a call.
func (e *eyes) see(ctx context.Context) {
	if !transport.Observed(ctx) {
		return
	}
	ctx = transport.CopyObservers(context.Background(), ctx)
	e.mu.Lock()
	kept := e.kept
	e.ctx, e.kept = ctx, nil
	e.mu.Unlock()
	for _, d := range kept {
		transport.Tell(ctx, d)
	}
}

// tell tells the observers who were seen last.
func (e *eyes) tell(d transport.Decision) {
	e.mu.Lock()
	ctx := e.ctx
	if ctx == nil && len(e.kept) < maxKept {
		e.kept = append(e.kept, d)
	}
	e.mu.Unlock()
	if ctx != nil {
		transport.Tell(ctx, d)
	}
}

// openAhead opens a connection for which no mail waits.
func (t *Transport) openAhead(ctx context.Context) (*client.Conn, error) {
	return t.dial(ctx, t.eyes.tell)
}

// dial opens a connection and tells of it, and of the secrets that a source was asked for. When an observer does not return, the
// connection is closed.
func (t *Transport) dial(ctx context.Context, tell func(transport.Decision)) (*client.Conn, error) {
	config := t.account.learned.configure(t.config)
	config.CarefulAfter = t.account.limit.careAfter()
	asked, told := false, false
	ctx = authentication.WithWatch(ctx, func(err error) {
		d := transport.Decision{Kind: transport.DecisionToken, Relay: config.Address}
		if asked = err == nil; !asked {
			d.Kind, d.Err = transport.DecisionTokenFail, err
		}
		tell(d)
	})
	begin := time.Now()
	conn, err := t.reach(ctx, config)
	d := transport.Decision{Kind: transport.DecisionConnect, Relay: config.Address, Wait: time.Since(begin)}
	if err != nil {
		if asked && refusedSecret(err) {
			tell(transport.Decision{Kind: transport.DecisionTokenFail, Relay: config.Address, Err: err})
		}
		d.Kind, d.Err = transport.DecisionConnectFail, err
	} else {
		d.Conn = conn.ID()
		defer func() {
			if !told {
				kill(conn)
			}
		}()
	}
	tell(d)
	told = true
	return conn, err
}

// refusedSecret reports whether the server refused a login for good: what the source gave is of no use.
func refusedSecret(err error) bool {
	if others, ok := errors.AsType[*otherAddressesError](err); ok {
		return slices.ContainsFunc(others.failures, func(f addressError) bool { return refusedSecret(f.err) })
	}
	login, ok := errors.AsType[*authentication.Error](err)
	return ok && slices.Contains([]authentication.Kind{authentication.KindRejected, authentication.KindRefused}, login.Kind)
}

// left tells of a connection that was given up.
func (t *Transport) left(conn *client.Conn, why pool.Reason) {
	if after, said, ok := conn.EndedIdle(); ok {
		t.endedIdle(conn.LastHeard(), after, said)
	}
	t.eyes.tell(transport.Decision{
		Kind: transport.DecisionDisconnect, Relay: t.config.Address, Conn: conn.ID(), State: string(why), Err: conn.Err(),
	})
}

// resends tells that a mail goes over another connection, because the one that it was on was at its end.
func (t *Transport) resends(ctx context.Context, conn *client.Conn, mail transport.Mail, receipt *client.Result) {
	transport.Tell(ctx, transport.Decision{
		Kind: transport.DecisionResend, Mail: mail, Relay: t.config.Address, Conn: conn.ID(),
		Recipients: len(receipt.Recipients), Err: receipt.Err,
	})
}

package river

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
)

// A session marks this process: it locks the number of the process for as long as it lasts, which is how the others see that the
// process lives, and it hears of changes. When it breaks it is opened again with the same number, so that what was not taken
// over meanwhile is this process's again. What was taken over has another fence or another token.

// errNoSession is why nothing is begun: the others take this process for dead, and would take over what it begins.
var errNoSession = errors.New("the session that marks this process is not open")

// How long things take.
const (
	// patience is how long a worker waits for a database that is away, such as one that is started anew.
	patience = 2 * time.Minute
	// heartbeat is how often a session that hears nothing is asked whether it lives, and answerWithin how long it has.
	heartbeat, answerWithin = 10 * time.Second, 5 * time.Second
)

// openSession takes a connection out of the pool, which does not get it back, and makes it the session of this process. A number that
// the server still holds for a session that broke is waited for.
func (e *Engine) openSession(ctx context.Context) (_ *pgx.Conn, err error) {
	conn, err := e.pool.Acquire(ctx)
	if err != nil {
		return nil, err
	}
	session := conn.Hijack()
	// A machine that is gone says nothing; the server finds out soon.
	const begin = "set tcp_keepalives_idle = 5; set tcp_keepalives_interval = 1; set tcp_keepalives_count = 5; listen depeche_queue"
	if _, err = session.Exec(ctx, begin); err == nil && e.self == 0 {
		err = session.QueryRow(ctx, "select nextval('depeche_owner')").Scan(&e.self)
	}
	if err == nil {
		_, err = session.Exec(ctx, "select pg_advisory_lock($1, $2)", ownerLock, int32(e.self))
	}
	if err != nil {
		return nil, errors.Join(err, session.Close(context.WithoutCancel(ctx)))
	}
	return session, nil
}

// keep listens to the session until life ends, and opens it again whenever it breaks.
func (e *Engine) keep(life context.Context, session *pgx.Conn) {
	const first, longest = 20 * time.Millisecond, time.Second
	for {
		e.listen(life, session)
		closeSession(session)
		for pause := first; ; pause = min(2*pause, longest) {
			var err error
			if session, err = e.openSession(life); err == nil {
				break
			}
			select {
			case <-life.Done():
				return
			case <-time.After(pause):
			}
		}
		e.Miss() // what happened meanwhile was not heard
		e.hear("")
	}
}

// closeSession says goodbye to a server that may be gone. The lock is given back first: the server ends a session some time after the
// goodbye, and until then others would take this process for one that lives.
func closeSession(session *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_, _ = session.Exec(ctx, "select pg_advisory_unlock_all()")
	_ = session.Close(ctx)
}

// listen takes changes in until the session breaks or life ends.
func (e *Engine) listen(life context.Context, session *pgx.Conn) {
	for {
		n, err := waitFor(life, session)
		switch {
		case err == nil:
			e.hear(n)
		case life.Err() != nil || session.IsClosed() || !errors.Is(err, context.DeadlineExceeded):
			return
		default:
			ctx, cancel := context.WithTimeout(life, answerWithin)
			err := session.Ping(ctx)
			cancel()
			if err != nil {
				return
			}
		}
	}
}

// waitFor waits for a notification, for as long as a heartbeat.
func waitFor(life context.Context, session *pgx.Conn) (string, error) {
	ctx, cancel := context.WithTimeout(life, heartbeat)
	defer cancel()
	n, err := session.WaitForNotification(ctx)
	if err != nil {
		return "", err
	}
	return n.Payload, nil
}

package river

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/depeche-mail/depeche/ledger"
	"github.com/depeche-mail/depeche/queue"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	rivers "github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
)

// Options say how a queue is kept.
type Options struct {
	// Window is for how long the keys of ended jobs and mail count; 0 means [ledger.DefaultWindow]. It is the same for all processes, each time: one that
	// does not know it takes [ledger.Forever], with which nothing is deleted or given an end.
	Window time.Duration
	// Secret hides the addresses in what is kept of mail beside its content; see [ledger.Secret]. It is the same for all processes, each time; else
	// the error of Open is [ledger.ErrSecret]. Empty means a random one, which is kept in the database.
	Secret []byte
	// Migrated says that River's tables are there and are the caller's to migrate. Else Open migrates them.
	Migrated bool
}

// Engine is a [queue.Engine] in PostgreSQL. It is safe for concurrent use.
type Engine struct {
	queue.Hub // tells what happens, in all processes

	pool   *pgxpool.Pool
	client *rivers.Client[pgx.Tx]
	window time.Duration
	book   *Ledger
	self   int64 // the number of this process

	work, marked    sync.WaitGroup // what runs beside the calls, and the session that marks this process
	endWork, unmark context.CancelFunc

	mu     sync.Mutex
	closed bool
	change chan struct{} // closed and made anew when a waiting Take must look again
}

// Open makes the tables that are missing, and returns the engine. The pool stays the caller's; the engine keeps one of its connections
// until it is closed.
func Open(ctx context.Context, pool *pgxpool.Pool, o Options) (*Engine, error) {
	e := &Engine{pool: pool, window: o.Window, change: make(chan struct{})}
	if e.window == 0 {
		e.window = ledger.DefaultWindow
	}
	err := e.migrate(ctx, o)
	if err == nil {
		e.client, err = rivers.NewClient(riverpgxv5.New(pool), &rivers.Config{})
	}
	var secret ledger.Secret
	if err == nil {
		secret, err = e.findSecret(ctx, o.Secret)
	}
	var session *pgx.Conn
	if err == nil {
		session, err = e.openSession(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("open queue: %w", err)
	}
	life, unmark := context.WithCancel(context.WithoutCancel(ctx))
	working, endWork := context.WithCancel(life)
	e.unmark, e.endWork = unmark, endWork
	e.book = &Ledger{pool: pool, rules: ledger.Rules{Window: o.Window}, owner: e.self, secret: secret, held: map[uint64]*ledger.Entry{}, more: make(chan struct{}, 1)}
	e.marked.Go(func() { e.keep(life, session) })
	e.work.Go(func() { e.book.writeLater(working) })
	e.work.Go(func() { e.sweepAll(working) })
	return e, nil
}

func (e *Engine) migrate(ctx context.Context, o Options) error {
	conn, err := e.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	if _, err := conn.Exec(ctx, "select pg_advisory_lock($1, 0)", schemaLock); err != nil {
		return err
	}
	defer func() { _, _ = conn.Exec(context.WithoutCancel(ctx), "select pg_advisory_unlock($1, 0)", schemaLock) }()
	if !o.Migrated {
		m, err := rivermigrate.New(riverpgxv5.New(e.pool), nil)
		if err != nil {
			return err
		}
		if _, err := m.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
			return err
		}
	}
	for _, part := range schema {
		there := false
		err := conn.QueryRow(ctx, isThere, part.name).Scan(&there)
		if err == nil && !there {
			_, err = conn.Exec(ctx, part.statement)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// findSecret finds the secret of the queue, or makes it.
func (e *Engine) findSecret(ctx context.Context, callers []byte) (ledger.Secret, error) {
	kept, err := ledger.NewSecret(callers)
	if err == nil {
		_, err = e.pool.Exec(ctx, "insert into depeche_meta values ('secret', $1) on conflict do nothing", kept)
	}
	if err == nil {
		err = e.pool.QueryRow(ctx, "select value from depeche_meta where name = 'secret'").Scan(&kept)
	}
	if err != nil {
		return ledger.Secret{}, err
	}
	return ledger.ReadSecret(kept, callers)
}

// usable returns why nothing can be done.
func (e *Engine) usable(ctx context.Context) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case e.closed:
		return queue.ErrClosed
	}
	return nil
}

// Ledger returns the ledger of the queue.
func (e *Engine) Ledger() ledger.Ledger { return e.book }

// Close ends waiting calls and the session of this process. Ends of mail that the database did not take are tried once more, for some seconds.
func (e *Engine) Close() error {
	e.mu.Lock()
	if e.closed {
		e.mu.Unlock()
		return nil
	}
	e.closed = true
	e.wake()
	e.mu.Unlock()
	e.Hub.Close()
	e.endWork()
	e.work.Wait()
	e.unmark() // from now on what this process holds is for others to take
	e.marked.Wait()
	return nil
}

// wake lets every Take that waits look again. It is called with the lock held.
func (e *Engine) wake() {
	close(e.change)
	e.change = make(chan struct{})
}

var _ queue.Engine = (*Engine)(nil)

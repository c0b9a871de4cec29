package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/ledger"
	ledgerbolt "github.com/depeche-mail/depeche/ledger/bolt"
	"github.com/depeche-mail/depeche/queue"
	"github.com/depeche-mail/depeche/queue/bolt"
	"github.com/depeche-mail/depeche/queue/jetstream"
	"github.com/depeche-mail/depeche/queue/river"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/nats-io/nats.go"
)

// opening is how long a server may take until its queue is open.
const opening = 20 * time.Second

// withQueue opens a queue that exists. The window of its program is not known here, so that nothing is forgotten. No error of it holds a secret.
func (w *World) withQueue(ctx context.Context, place string, do func(*queue.Queue) error) error {
	at, err := w.queueAt(place)
	if err != nil {
		return err
	}
	return at.withQueue(ctx, do)
}

func (p queuePlace) withQueue(ctx context.Context, do func(*queue.Queue) error) error {
	engine, closeServer, err := p.open(ctx)
	if err != nil {
		return p.mask(err)
	}
	defer closeServer()
	q, err := queue.New(engine, queue.Config{})
	if err != nil {
		return fail(exitTemporary, errors.Join(err, engine.Close()))
	}
	err = do(q)
	if errClose := q.Close(); err == nil {
		err = fail(exitTemporary, errClose)
	}
	return p.mask(err)
}

// open opens the engine. done is called after its end.
func (p queuePlace) open(ctx context.Context) (engine queue.Engine, done func(), err error) {
	done = func() {}
	if p.isFolder() {
		engine, err = p.openFolder()
		return engine, done, err
	}
	ctx, cancel := context.WithTimeout(ctx, opening)
	defer cancel()
	if p.isNATS() {
		engine, done, err = p.openNATS(ctx)
	} else {
		engine, done, err = p.openPostgres(ctx)
	}
	if _, judged := errors.AsType[*statusError](err); err != nil && !judged {
		err = fail(exitTemporary, err)
	}
	return engine, done, err
}

// errNoQueue is about a server that works.
func errNoQueue(what string) error {
	return fail(exitData, fmt.Errorf("there is no queue %s: no program has opened one there", what))
}

func (p queuePlace) openNATS(ctx context.Context) (queue.Engine, func(), error) {
	ctx, refuse := context.WithCancelCause(ctx) // by a server that answers no request that the user may not make
	defer refuse(nil)
	options := []nats.Option{nats.Name("depeche queue"), nats.Timeout(opening), nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
		if errors.Is(err, nats.ErrPermissionViolation) {
			refuse(err)
		}
	})}
	if file := p.url.Query().Get("ca"); file != "" {
		options = append(options, nats.RootCAs(file))
	}
	if file := p.url.Query().Get("creds"); file != "" {
		options = append(options, nats.UserCredentials(file))
	}
	server := *p.url
	server.Path, server.RawQuery = "", ""
	conn, err := connect(ctx, server.String(), options)
	if err != nil {
		return nil, nil, err
	}
	setup := jetstream.Over(conn)
	setup.Name, setup.Window = p.natsName(), ledger.Forever
	setup.Existing = true
	engine, err := setup.Open(ctx)
	_, badName := errors.AsType[*envelope.FieldError](err)
	switch {
	case err == nil:
		return engine, conn.Close, nil
	case errors.Is(err, jetstream.ErrNoQueue), badName:
		err = errNoQueue(setup.Name + " on this NATS")
	case errors.Is(err, jetstream.ErrOtherStream):
		err = fail(exitData, err)
	}
	if cause := context.Cause(ctx); err != nil && cause != nil && !errors.Is(err, cause) {
		err = errors.Join(err, cause)
	}
	conn.Close()
	return nil, nil, err
}

// connect connects to NATS. It ends when ctx does, which a call of that package does not.
func connect(ctx context.Context, server string, options []nats.Option) (*nats.Conn, error) {
	type connected struct {
		conn *nats.Conn
		err  error
	}
	done := make(chan connected, 1)
	go func() {
		conn, err := nats.Connect(server, options...)
		done <- connected{conn, err}
	}()
	select {
	case c := <-done:
		return c.conn, c.err
	case <-ctx.Done():
		go func() {
			if c := <-done; c.err == nil {
				c.conn.Close()
			}
		}()
		return nil, context.Cause(ctx)
	}
}

func (p queuePlace) openPostgres(ctx context.Context) (queue.Engine, func(), error) {
	config, err := pgxpool.ParseConfig(p.text)
	if err != nil {
		if p.variable != "" && p.settings { // the error quotes what it stumbles over, as a word of a password
			err = fmt.Errorf("the variable %s does not hold settings of PostgreSQL: want host=... user=... dbname=..., with a value that has a space in single quotes", p.variable)
		}
		return nil, nil, fail(exitUsage, err)
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, nil, err
	}
	var found bool
	err = pool.QueryRow(ctx, "select to_regclass('depeche_mail') is not null").Scan(&found)
	if err == nil && !found {
		err = errNoQueue("in this database")
	}
	var engine queue.Engine
	if err == nil {
		engine, err = river.Open(ctx, pool, river.Options{Migrated: true, Window: ledger.Forever})
	}
	if err != nil {
		pool.Close()
		return nil, nil, err
	}
	return engine, pool.Close, nil
}

// openFolder opens a queue in a folder. The program that uses it holds a lock.
func (p queuePlace) openFolder() (queue.Engine, error) {
	if _, err := os.Stat(filepath.Join(p.text, "jetstream")); err == nil {
		return nil, fail(exitData, fmt.Errorf("%v has an embedded JetStream, which its program alone can open: let that program list its jobs", p))
	}
	if _, err := os.Stat(filepath.Join(p.text, "queue.db")); err != nil {
		return nil, fail(exitData, fmt.Errorf("%v is not the folder of a queue: queue.db: %w", p, withoutPath(err)))
	}
	engine, err := bolt.Open(p.text, bolt.Options{Ledger: ledgerbolt.Options{Window: ledger.Forever}})
	if errors.Is(err, bolt.ErrLocked) {
		err = fmt.Errorf("a program has the queue in %v open, and it is for one process at a time: stop that program first", p)
	}
	if err != nil {
		return nil, fail(exitTemporary, err)
	}
	return engine, nil
}

// withoutPath is the reason of an error of the file system, without what it was about.
func withoutPath(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	return err
}

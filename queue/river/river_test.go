package river_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/ledger"
	"github.com/depeche-mail/depeche/ledger/ledgertest"
	"github.com/depeche-mail/depeche/queue"
	"github.com/depeche-mail/depeche/queue/queuetest"
	"github.com/depeche-mail/depeche/queue/river"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/stub"
	"github.com/jackc/pgx/v5/pgxpool"
)

func open(t *testing.T, pool *pgxpool.Pool) *river.Engine {
	t.Helper()
	e, err := river.Open(t.Context(), pool, river.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

func TestQueue(t *testing.T) {
	queuetest.Run(t, queuetest.Engine{Open: func(t *testing.T) queue.Engine { return open(t, newPool(t, newDatabase(t))) }})
}

// TestLedger runs the suite; each restart is a new engine on the same database, and the session of the old one has ended.
func TestLedger(t *testing.T) {
	engines, pools := map[ledger.Ledger]*river.Engine{}, map[ledger.Ledger]*pgxpool.Pool{}
	begin := func(t *testing.T, pool *pgxpool.Pool) ledger.Ledger {
		e := open(t, pool)
		engines[e.Ledger()], pools[e.Ledger()] = e, pool
		return e.Ledger()
	}
	ledgertest.Run(t, ledgertest.Store{
		Open: func(t *testing.T) ledger.Ledger { return begin(t, newPool(t, newDatabase(t))) },
		Restart: func(t *testing.T, l ledger.Ledger) ledger.Ledger {
			if err := engines[l].Close(); err != nil {
				t.Fatal(err)
			}
			return begin(t, pools[l])
		},
		Fenced: true,
	})
}

func newMail(t *testing.T) transport.Mail {
	t.Helper()
	from, err := envelope.ParseAddress("from@example.org")
	if err != nil {
		t.Fatal(err)
	}
	to, err := envelope.ParseAddress("to@example.org")
	if err != nil {
		t.Fatal(err)
	}
	env, err := envelope.New(from, to)
	if err != nil {
		t.Fatal(err)
	}
	return transport.Raw(env, []byte("Subject: x\r\n\r\nhello\r\n"))
}

func state(t *testing.T, q queue.Engine) string {
	t.Helper()
	var text strings.Builder
	for e, err := range q.List(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&text, "%s %v %d; ", e.Key, e.State, e.Attempts)
	}
	return text.String()
}

// TestOpenBesideATransaction: a process comes while another one has written in a transaction that is open. Neither waits.
func TestOpenBesideATransaction(t *testing.T) {
	dsn := newDatabase(t)
	pool := newPool(t, dsn)
	e := open(t, pool)
	q, err := queue.New(e, queue.Config{})
	if err != nil {
		t.Fatal(err)
	}
	tx, err := pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(t.Context())) }() // it is over where the test passes
	_, err = e.EnqueueTx(t.Context(), tx, q, newMail(t), queue.Job{Key: "one"})
	if err == nil {
		grants, claimed := e.Ledger().Claim(t.Context(), []ledger.Claim{{Key: "other", Recipient: recipient(t)}})
		if err = claimed; err == nil && grants[0].Answer != ledger.Send {
			t.Errorf("%+v", grants)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	second, err := river.Open(ctx, newPool(t, dsn), river.Options{})
	if err != nil {
		t.Fatalf("opened beside a transaction: %v", err)
	}
	t.Cleanup(func() { _ = second.Close() })
	if err := tx.Commit(t.Context()); err != nil {
		t.Error(err)
	}
	if got := state(t, second); got != "one waiting 0; " {
		t.Error(got)
	}
}

// TestEnqueueTx: a mail is queued with the order that it belongs to, or not at all.
func TestEnqueueTx(t *testing.T) {
	pool := newPool(t, newDatabase(t))
	e := open(t, pool)
	q, err := queue.New(e, queue.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pool.Exec(t.Context(), "create table orders (id text primary key)"); err != nil {
		t.Fatal(err)
	}
	order := func(id string, end string) {
		tx, err := pool.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		_, err = tx.Exec(t.Context(), "insert into orders values ($1)", id)
		if err == nil {
			_, err = e.EnqueueTx(t.Context(), tx, q, newMail(t), queue.Job{Key: id})
		}
		if err != nil {
			t.Fatal(err)
		}
		if got := state(t, e); strings.Contains(got, id) {
			t.Errorf("before the commit: %s", got)
		}
		if end == "commit" {
			err = tx.Commit(t.Context())
		} else {
			err = tx.Rollback(t.Context())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	order("kept", "commit")
	order("dropped", "rollback")
	if got := state(t, e); got != "kept waiting 0; " {
		t.Error(got)
	}
	relay := stub.New()
	worker, err := queue.Work(q, relay).Build()
	if err == nil {
		err = worker.RunDue(t.Context())
	}
	if n := len(relay.Messages()); err != nil || n != 1 {
		t.Errorf("%d mails went, %v", n, err)
	}
	var kind, at string
	if err := pool.QueryRow(t.Context(), "select kind, state::text from river_job").Scan(&kind, &at); err != nil || kind != "depeche_mail" || at != "completed" {
		t.Errorf("River sees %q, %q, %v", kind, at, err)
	}
	bad, err := pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = bad.Rollback(t.Context()) }()
	if _, err := e.EnqueueTx(t.Context(), bad, q, transport.WithFingerprint(newMail(t), "other"), queue.Job{Key: "kept"}); !errors.Is(err, ledger.ErrKeyReused) {
		t.Errorf("one key for two mails: %v", err)
	}
}

// TestKilledWorker: River leaves the jobs of a killed worker for an hour; here its session ends, and they are due at once, whatever
// their lease is.
func TestKilledWorker(t *testing.T) {
	dsn := newDatabase(t)
	old, fresh := open(t, newPool(t, dsn)), open(t, newPool(t, dsn))
	errs, err := old.Put(t.Context(), []queue.Entry{{Job: queue.Job{Key: "k"}, Payload: []byte("x")}})
	if err = errors.Join(append(errs, err)...); err != nil {
		t.Fatal(err)
	}
	want := queue.Request{Most: 1, Lease: 24 * time.Hour}
	late, err := old.Take(t.Context(), want)
	if err != nil || len(late) != 1 {
		t.Fatal(late, err)
	}
	if taken, err := fresh.Take(t.Context(), want); err != nil || len(taken) != 0 {
		t.Fatalf("two workers have it: %v, %v", taken, err)
	}
	if err := old.Close(); err != nil { // its session ends, as by kill -9
		t.Fatal(err)
	}
	want.Wait = true
	taken, err := fresh.Take(t.Context(), want)
	if err != nil || len(taken) != 1 || taken[0].Entry.Attempts != 2 {
		t.Fatal(taken, err)
	}
	if err := fresh.Settle(t.Context(), []queue.Settlement{{Taken: late[0], Do: queue.Done}}); !errors.Is(err, queue.ErrLease) {
		t.Errorf("who lost the job settled it: %v", err)
	}
	if got := state(t, fresh); got != "k working 2; " {
		t.Error(got)
	}
}

// TestRemovedByRiver: a job that an operator removed with River's tools is not in the queue, and its key is free.
func TestRemovedByRiver(t *testing.T) {
	pool := newPool(t, newDatabase(t))
	e := open(t, pool)
	put := func() {
		errs, err := e.Put(t.Context(), []queue.Entry{{Job: queue.Job{Key: "k"}, Digest: ledger.Digest{1}}})
		if err = errors.Join(append(errs, err)...); err != nil {
			t.Fatal(err)
		}
	}
	put()
	if _, err := pool.Exec(t.Context(), "update river_job set state = 'cancelled', finalized_at = now()"); err != nil {
		t.Fatal(err)
	}
	if got := state(t, e); got != "" {
		t.Error(got)
	}
	if put(); state(t, e) != "k waiting 0; " {
		t.Error("its key is not free")
	}
}

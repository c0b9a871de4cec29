package river_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/depeche-mail/depeche/ledger"
	"github.com/depeche-mail/depeche/queue"
	"github.com/depeche-mail/depeche/queue/river"
	"github.com/depeche-mail/depeche/transport"
	"github.com/jackc/pgx/v5/pgxpool"
)

// TestClaimOfANewcomer: a process opens its session and claims a mail while another one claims it. The other does not take it for dead: the mail is
// not in doubt, and not sent a second time at least once. Nor can an operator resolve it.
func TestClaimOfANewcomer(t *testing.T) {
	const key, find = "k", "select l.key, l.recipient, l.entry"
	dsn := newDatabase(t)
	var newcomer *river.Engine
	var grant ledger.Grant
	come := func() {
		newcomer = open(t, newPool(t, dsn))
		grant = claim(t, newcomer.Ledger(), key)
		if err := newcomer.Ledger().Ending(t.Context(), []ledger.Grant{grant}); err != nil {
			t.Error(err)
		}
	}
	for name, do := range map[string]func(ledger.Ledger) error{
		"at most once": func(l ledger.Ledger) error {
			if got := claim(t, l, key); got.Answer != ledger.Busy {
				t.Errorf("claimed by both: %+v", got)
			}
			return nil
		},
		"at least once": func(l ledger.Ledger) error {
			grants, err := l.Claim(t.Context(), []ledger.Claim{{Key: key, Recipient: recipient(t), Again: true}})
			if err == nil && grants[0].Answer != ledger.Busy {
				t.Errorf("claimed by both: %+v", grants)
			}
			return err
		},
		"resolve": func(l ledger.Ledger) error {
			err := l.(ledger.Book).Resolve(t.Context(), key, recipient(t), transport.NotSent)
			if !errors.Is(err, ledger.ErrBusy) {
				t.Errorf("resolved under way: %v", err)
			}
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			dsn = newDatabase(t)
			e := open(t, newPoolWith(t, dsn, &before{text: find, do: come}, nil))
			if err := do(e.Ledger()); err != nil {
				t.Error(err)
			}
			accepted := []ledger.Ended{{Grant: grant, Fate: ledger.Fate{Outcome: transport.Accepted}}}
			if err := newcomer.Ledger().End(t.Context(), accepted); err != nil {
				t.Errorf("the end of who sent it: %v", err)
			}
		})
	}
}

// gates keeps the engine with a number from writing the lease of some jobs until they are opened.
func gates(t *testing.T, pool *pgxpool.Pool, owner int64, keys ...string) (open func(key string)) {
	t.Helper()
	const schema = `create table gates (key text primary key, number integer, owner bigint);
		create function wait_at_gate() returns trigger language plpgsql as $$ begin
			perform pg_advisory_xact_lock(77, number) from gates g where g.key = new.key and g.owner = new.owner;
			return new;
		end $$;
		create trigger gate before update on depeche_mail for each row execute function wait_at_gate()`
	if _, err := pool.Exec(t.Context(), schema); err != nil {
		t.Fatal(err)
	}
	conn, err := pool.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // also what still waits goes on
		if _, err := conn.Exec(context.WithoutCancel(t.Context()), "select pg_advisory_unlock_all()"); err != nil {
			t.Error(err)
		}
		conn.Release()
	})
	for i, key := range keys {
		_, err := conn.Exec(t.Context(), "insert into gates values ($1, $2, $3)", key, i, owner)
		if err == nil {
			_, err = conn.Exec(t.Context(), "select pg_advisory_lock(77, $1)", i)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return func(key string) {
		if _, err := conn.Exec(t.Context(), "select pg_advisory_unlock(77, number) from gates where key = $1", key); err != nil {
			t.Error(err)
		}
	}
}

// takeOne takes one job.
func takeOne(t *testing.T, e queue.Engine) string {
	t.Helper()
	taken, err := e.Take(t.Context(), queue.Request{Most: 1, Lease: time.Hour})
	if err != nil || len(taken) != 1 {
		t.Fatal(taken, err)
	}
	return taken[0].Entry.Key
}

// TestTakeOfANewcomer: a process opens its session again and takes a job while another one takes jobs, in whose snapshot that job is free. The other
// does not take the job from it.
func TestTakeOfANewcomer(t *testing.T) {
	dsn := newDatabase(t)
	pool := newPool(t, dsn)
	slow := open(t, newPoolWith(t, dsn, nil, map[string]string{"enable_hashjoin": "off", "enable_mergejoin": "off"})) // one row after the other
	old := open(t, pool)
	newcomer, back, door := openWithDoor(t, dsn)
	for _, key := range []string{"a", "b", "c", "d"} {
		put(t, slow, key)
	}
	let := gates(t, pool, slow.Self(), "a", "c")
	waits := func() {
		t.Helper()
		until(t, "it waits", func() bool { return advisoryWaits(t, pool) == 1 })
	}
	got := make(chan []queue.Taken, 1)
	away(t, back, newcomer, door, func() {
		go func() {
			taken, err := slow.Take(t.Context(), queue.Request{Most: 9, Lease: time.Hour})
			if err != nil {
				t.Error(err)
			}
			got <- taken
		}()
		waits()
		if key := takeOne(t, old); key != "b" {
			t.Errorf("the other took %s", key)
		}
		let("a")
		waits()
	})
	if key := takeOne(t, newcomer); key != "d" {
		t.Errorf("who is back took %s", key)
	}
	let("c")
	for _, job := range <-got {
		if key := job.Entry.Key; key != "a" && key != "c" {
			t.Errorf("%s is taken from a process that lives", key)
		}
	}
}

// commits keeps changes of jobs from being committed until it is opened: their transactions have done all else.
func commits(t *testing.T, pool *pgxpool.Pool, key string) (open func()) {
	t.Helper()
	const schema = `create function wait_at_commit() returns trigger language plpgsql as $$ begin
			perform pg_advisory_xact_lock(78, 0);
			return null;
		end $$;
		create constraint trigger at_commit after insert or update on depeche_mail deferrable initially deferred
			for each row when (new.key = '%s') execute function wait_at_commit()`
	conn, err := pool.Acquire(t.Context())
	if err == nil {
		_, err = conn.Exec(t.Context(), "select pg_advisory_lock(78, 0)")
	}
	if err == nil {
		_, err = conn.Exec(t.Context(), fmt.Sprintf(schema, key))
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Release)
	return func() {
		if _, err := conn.Exec(context.WithoutCancel(t.Context()), "select pg_advisory_unlock(78, 0)"); err != nil {
			t.Error(err)
		}
	}
}

// TestLateCommit: a job that is committed after one that came later is not passed over. A call that waits gets it when it is committed, and who asks after
// the call that queued it or put it back has ended gets it at once.
func TestLateCommit(t *testing.T) {
	pool := newPool(t, newDatabase(t))
	e := open(t, pool)
	let := commits(t, pool, "early")
	queued := make(chan error, 1)
	go func() {
		errs, err := e.Put(t.Context(), []queue.Entry{{Job: queue.Job{Key: "early"}, Digest: ledger.Digest{1}}})
		queued <- errors.Join(append(errs, err)...)
	}()
	until(t, "the first is about to be committed", func() bool { return advisoryWaits(t, pool) == 1 })
	put(t, e, "late")
	if key := takeOne(t, e); key != "late" {
		t.Errorf("took %s", key)
	}
	got := make(chan string, 1)
	go func() {
		taken, err := e.Take(t.Context(), queue.Request{Most: 9, Lease: time.Hour, Wait: true})
		if err != nil || len(taken) != 1 {
			t.Error(taken, err)
			got <- ""
			return
		}
		err = e.Settle(t.Context(), []queue.Settlement{{Taken: taken[0], Do: queue.Park}})
		if err == nil {
			err = e.PutBack(t.Context(), taken[0].Entry.Key, time.Now())
		}
		if err != nil {
			t.Error(err)
		}
		got <- taken[0].Entry.Key
	}()
	let()
	if err := <-queued; err != nil {
		t.Error(err)
	}
	if key := <-got; key != "early" {
		t.Errorf("who waited took %q", key)
	}
	if key := takeOne(t, e); key != "early" {
		t.Errorf("after it was put back %q was taken", key)
	}
}

// advisoryWaits counts the transactions that wait at a gate.
func advisoryWaits(t *testing.T, pool *pgxpool.Pool) (n int) {
	t.Helper()
	if err := pool.QueryRow(t.Context(), "select count(*) from pg_locks where locktype = 'advisory' and not granted").Scan(&n); err != nil {
		t.Error(err)
	}
	return n
}

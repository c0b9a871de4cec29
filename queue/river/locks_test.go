package river_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/depeche-mail/depeche/ledger"
	"github.com/depeche-mail/depeche/queue"
	"github.com/depeche-mail/depeche/queue/river"
	"github.com/depeche-mail/depeche/transport"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// together calls do in several goroutines at the same time and collects their errors.
func together(t *testing.T, do ...func() error) {
	t.Helper()
	var all sync.WaitGroup
	for _, f := range do {
		all.Go(func() {
			if err := f(); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

// newPoolWith makes a pool of connections with settings and a tracer of their own.
func newPoolWith(t *testing.T, dsn string, tracer pgx.QueryTracer, settings map[string]string) *pgxpool.Pool {
	t.Helper()
	config, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		t.Fatal(err)
	}
	config.ConnConfig.Tracer = tracer
	maps.Copy(config.ConnConfig.RuntimeParams, settings)
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

// begun counts the transactions that begin.
type begun struct{ n atomic.Int64 }

func (b *begun) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	if data.SQL == "begin" {
		b.n.Add(1)
	}
	return ctx
}

func (b *begun) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// meet lets two calls come as far as a row in their middle, which is locked by sql, and lets them go on when both wait.
func meet(t *testing.T, pool *pgxpool.Pool, sql, key string, calls ...func() error) {
	t.Helper()
	blocker, err := pool.Begin(t.Context())
	if err == nil {
		_, err = blocker.Exec(t.Context(), sql, key)
	}
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	all.Go(func() { together(t, calls...) })
	until(t, "all wait", func() bool {
		var n int
		err := pool.QueryRow(t.Context(), "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'").Scan(&n)
		return err == nil && n == len(calls)
	})
	if err := blocker.Rollback(t.Context()); err != nil {
		t.Error(err)
	}
	all.Wait()
}

// TestLockOrder: calls about the same jobs and mails, in opposite orders, do not wait for each other in a circle.
func TestLockOrder(t *testing.T) {
	const size, mail, entry = 9, "select from depeche_mail where key = $1 for update", "select from depeche_ledger where key = $1 for update"
	for name, do := range map[string]func(t *testing.T, e *river.Engine, jobs []queue.Entry, claims []ledger.Claim) (sql, key string, calls []func() error){
		"Put": func(t *testing.T, e *river.Engine, jobs []queue.Entry, _ []ledger.Claim) (string, string, []func() error) {
			put := func(list []queue.Entry) func() error {
				return func() error {
					_, err := e.Put(t.Context(), list)
					return err
				}
			}
			const sql = "insert into depeche_mail (key, digest, relay, priority, entry) values ($1, '', '', 0, '{}')"
			return sql, jobs[size/2].Key, []func() error{put(jobs), put(backward(jobs))}
		},
		"Extend": func(t *testing.T, e *river.Engine, jobs []queue.Entry, _ []ledger.Claim) (string, string, []func() error) {
			_, err := e.Put(t.Context(), jobs)
			taken, err2 := e.Take(t.Context(), queue.Request{Most: size, Lease: time.Hour})
			if err = errors.Join(err, err2); err != nil || len(taken) != size {
				t.Fatal(len(taken), err)
			}
			extend := func(list []queue.Taken) func() error {
				return func() error { return e.Extend(t.Context(), list, time.Hour) }
			}
			return mail, taken[size/2].Entry.Key, []func() error{extend(taken), extend(backward(taken))}
		},
		"Claim": func(t *testing.T, e *river.Engine, _ []queue.Entry, claims []ledger.Claim) (string, string, []func() error) {
			claim := func(list []ledger.Claim) func() error {
				return func() error {
					_, err := e.Ledger().Claim(t.Context(), list)
					return err
				}
			}
			if err := claim(claims)(); err != nil {
				t.Fatal(err)
			}
			return entry, claims[size/2].Key, []func() error{claim(claims), claim(backward(claims))}
		},
		"Ending": func(t *testing.T, e *river.Engine, _ []queue.Entry, claims []ledger.Claim) (string, string, []func() error) {
			grants, err := e.Ledger().Claim(t.Context(), claims)
			if err != nil {
				t.Fatal(err)
			}
			ending := func(list []ledger.Grant) func() error {
				return func() error { return e.Ledger().Ending(t.Context(), list) }
			}
			return entry, claims[size/2].Key, []func() error{ending(grants), ending(backward(grants))}
		},
	} {
		t.Run(name, func(t *testing.T) {
			dsn, seen := newDatabase(t), new(begun)
			var jobs []queue.Entry
			var claims []ledger.Claim
			for i := range size {
				key := fmt.Sprint("k", i)
				jobs = append(jobs, queue.Entry{Job: queue.Job{Key: key}, Digest: ledger.Digest{1}})
				claims = append(claims, ledger.Claim{Key: key, Recipient: recipient(t)})
			}
			e := open(t, newPoolWith(t, dsn, seen, map[string]string{
				"deadlock_timeout": "10ms", "enable_hashjoin": "off", "enable_mergejoin": "off", "enable_seqscan": "off", // rows in the order of the arguments
			}))
			sql, key, calls := do(t, e, jobs, claims)
			seen.n.Store(0)
			meet(t, newPool(t, dsn), sql, key, calls...)
			if n := seen.n.Load(); n != 2 {
				t.Errorf("%d transactions for two calls: they met in a deadlock", n)
			}
		})
	}
}

// backward is a list from its end.
func backward[T any](list []T) []T {
	list = slices.Clone(list)
	slices.Reverse(list)
	return list
}

// TestSerializable: a database whose transactions are serializable ends those that meet, and each is tried again.
func TestSerializable(t *testing.T) {
	const workers, jobs = 4, 40
	pool := newPoolWith(t, newDatabase(t), nil, map[string]string{"default_transaction_isolation": "serializable"})
	e := open(t, pool)
	var all []func() error
	for w := range workers {
		all = append(all, func() error {
			for i := range jobs / workers {
				errs, err := e.Put(t.Context(), []queue.Entry{{Job: queue.Job{Key: fmt.Sprint(w, "-", i)}}})
				if err = errors.Join(append(errs, err)...); err != nil {
					return fmt.Errorf("Put: %w", err)
				}
				taken, err := e.Take(t.Context(), queue.Request{Most: 3, Lease: time.Hour})
				if err != nil {
					return fmt.Errorf("Take: %w", err)
				}
				var done []queue.Settlement
				var claims []ledger.Claim
				for _, job := range taken {
					done = append(done, queue.Settlement{Taken: job, Do: queue.Done})
					claims = append(claims, ledger.Claim{Key: job.Entry.Key, Recipient: recipient(t)})
				}
				if _, err := e.Ledger().Claim(t.Context(), claims); err != nil {
					return fmt.Errorf("Claim: %w", err)
				}
				if err := e.Settle(t.Context(), done); err != nil {
					return fmt.Errorf("Settle: %w", err)
				}
			}
			return nil
		})
	}
	together(t, all...)
	for {
		taken := take(t, e)
		if len(taken) == 0 {
			break
		}
		for _, job := range taken {
			if err := e.Settle(t.Context(), []queue.Settlement{{Taken: job, Do: queue.Done}}); err != nil {
				t.Error(err)
			}
		}
	}
	var done int
	if err := pool.QueryRow(t.Context(), "select count(*) from river_job where state = 'completed'").Scan(&done); err != nil || done != jobs {
		t.Errorf("%d jobs are done, want %d, %v", done, jobs, err)
	}
}

// before calls do once, before a statement with this text begins, and knows when an engine that was opened has swept the jobs.
type before struct {
	text  string
	do    func()
	once  sync.Once
	swept atomic.Bool
}

func (b *before) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	if strings.HasPrefix(data.SQL, b.text) {
		b.once.Do(b.do)
	}
	if strings.HasPrefix(data.SQL, "delete from depeche_ledger") { // the last one
		b.swept.Store(true)
	}
	return ctx
}

func (b *before) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// TestPutBesidePut: the key of a job that was removed by River's tools is free. Of two who use it one is first, and the other does
// not take the job away from the worker that has it by then.
func TestPutBesidePut(t *testing.T) {
	dsn := newDatabase(t)
	first := &before{do: func() {}}
	fast := open(t, newPoolWith(t, dsn, first, nil))
	until(t, "the first has swept", first.swept.Load)
	met := false
	meet := &before{text: "delete from depeche_mail m where key", do: func() {
		met = true
		put(t, fast, "k")
		if taken := take(t, fast); len(taken) != 1 {
			t.Errorf("took %v", taken)
		}
	}}
	slow := open(t, newPoolWith(t, dsn, meet, nil))
	until(t, "the second has swept", meet.swept.Load)
	put(t, fast, "k")
	if _, err := newPool(t, dsn).Exec(t.Context(), "update river_job set state = 'cancelled', finalized_at = now()"); err != nil {
		t.Fatal(err)
	}
	if put(t, slow, "k"); !met {
		t.Fatal("they did not meet")
	}
	if got := state(t, slow); got != "k working 1; " {
		t.Errorf("the worker's job became %q", got)
	}
}

// TestRemovedWhileHeld: a job that was removed by River's tools while a worker has it keeps its key for as long as the lease lasts.
func TestRemovedWhileHeld(t *testing.T) {
	pool := newPool(t, newDatabase(t))
	e := open(t, pool)
	put(t, e, "k")
	taken := take(t, e)
	if _, err := pool.Exec(t.Context(), "update river_job set state = 'cancelled', finalized_at = now()"); err != nil {
		t.Fatal(err)
	}
	other := queue.Entry{Job: queue.Job{Key: "k"}, Digest: ledger.Digest{2}}
	if errs, err := e.Put(t.Context(), []queue.Entry{other}); err != nil || !errors.Is(errs[0], ledger.ErrKeyReused) {
		t.Errorf("a key in the hands of a worker: %v, %v", errs, err)
	}
	if err := errors.Join(e.Sweep(t.Context()), e.Settle(t.Context(), []queue.Settlement{{Taken: taken[0], Do: queue.Done}})); err != nil {
		t.Errorf("the worker could not settle it: %v", err)
	}
}

// TestSweep: a process that lives deletes what is past its window, however much it is, and nothing else.
func TestSweep(t *testing.T) {
	pool := newPool(t, newDatabase(t))
	e := open(t, pool)
	put(t, e, "sent", "removed", "waits", "held")
	taken := take(t, e)
	for _, job := range taken {
		s := queue.Settlement{Taken: job, Do: queue.Later, At: time.Now().Add(time.Hour)}
		switch job.Entry.Key {
		case "held":
			continue
		case "sent":
			s.Do = queue.Done
		}
		if err := e.Settle(t.Context(), []queue.Settlement{s}); err != nil {
			t.Fatal(err)
		}
	}
	grant, doubt := claim(t, e.Ledger(), "sent"), claim(t, e.Ledger(), "doubt")
	claim(t, e.Ledger(), "claimed") // by a process that was killed before the end of the content
	err := errors.Join(e.Ledger().Ending(t.Context(), []ledger.Grant{claim(t, e.Ledger(), "ending")}), e.Ledger().End(t.Context(), []ledger.Ended{
		{Grant: grant, Fate: ledger.Fate{Outcome: transport.Accepted}}, {Grant: doubt, Fate: ledger.Fate{Outcome: transport.Unknown}},
	}))
	for _, sql := range []string{
		"update depeche_mail set ended_at = now() - interval '15 days' where key = 'sent'",
		"update river_job set finalized_at = now() - interval '15 days' where state = 'completed'",
		"update river_job set state = 'cancelled', finalized_at = now() where id = (select job_id from depeche_mail where key = 'removed')",
		"update depeche_ledger set keep_until = keep_until - interval '15 days'",
		`insert into depeche_ledger (key, recipient, fence, over, entry, keep_until)
			select 'old ' || n, '\x00', 1, true, '\x00', now() - interval '1 day' from generate_series(1, 2500) n`,
	} {
		if err == nil {
			_, err = pool.Exec(t.Context(), sql)
		}
	}
	if err = errors.Join(err, e.Sweep(t.Context())); err != nil {
		t.Fatal(err)
	}
	for sql, want := range map[string]string{
		"select coalesce(string_agg(key, ' ' order by key), '') from depeche_mail":          "held waits",
		"select string_agg(state::text, ' ' order by state::text) from river_job":           "cancelled retryable running",
		"select coalesce(string_agg(key, ' ' order by key), '') from depeche_ledger":        "doubt ending",
		"select coalesce(string_agg(key, ' '), '') from depeche_mail where payload is null": "",
	} {
		var got string
		if err := pool.QueryRow(t.Context(), sql).Scan(&got); err != nil || got != want {
			t.Errorf("%s: %q, want %q, %v", sql, got, want, err)
		}
	}
}

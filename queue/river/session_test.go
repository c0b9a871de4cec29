package river_test

import (
	"context"
	"errors"
	"io"
	"sync/atomic"
	"testing"
	"time"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/internal/pgtest"
	"github.com/depeche-mail/depeche/ledger"
	"github.com/depeche-mail/depeche/queue"
	"github.com/depeche-mail/depeche/queue/river"
	"github.com/depeche-mail/depeche/transport"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// until waits until something is so.
func until(t *testing.T, what string, so func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !so(); {
		if time.Now().After(end) {
			t.Fatal("not within a minute: " + what)
		}
		<-time.After(10 * time.Millisecond)
	}
}

// session returns the session that marks an engine's process; 0 for none.
func session(t *testing.T, pool *pgxpool.Pool, e *river.Engine) (pid int) {
	t.Helper()
	if err := pool.QueryRow(t.Context(), river.SessionOf, e.Self()).Scan(&pid); err != nil && !errors.Is(err, pgx.ErrNoRows) {
		t.Error(err)
	}
	return pid
}

func put(t *testing.T, e queue.Engine, keys ...string) {
	t.Helper()
	var entries []queue.Entry
	for _, key := range keys {
		entries = append(entries, queue.Entry{Job: queue.Job{Key: key}, Digest: ledger.Digest{1}, Payload: []byte("x")})
	}
	errs, err := e.Put(t.Context(), entries)
	if err = errors.Join(append(errs, err)...); err != nil {
		t.Fatal(err)
	}
}

func take(t *testing.T, e queue.Engine) []queue.Taken {
	t.Helper()
	taken, err := e.Take(t.Context(), queue.Request{Most: 9, Lease: 24 * time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	return taken
}

func recipient(t *testing.T) envelope.Address {
	t.Helper()
	return newMail(t).Envelope().At(0).Address
}

func claim(t *testing.T, l ledger.Ledger, key string) ledger.Grant {
	t.Helper()
	grants, err := l.Claim(t.Context(), []ledger.Claim{{Key: key, Recipient: recipient(t)}})
	if err != nil {
		t.Fatal(err)
	}
	return grants[0]
}

// TestSessionBreaks: an engine whose session was ended opens it again, and what it has stays its own.
func TestSessionBreaks(t *testing.T) {
	dsn := newDatabase(t)
	pool := newPool(t, dsn)
	mine, other := open(t, pool), open(t, newPool(t, dsn))
	put(t, mine, "k")
	taken := take(t, mine)
	grant := claim(t, mine.Ledger(), "k")
	if len(taken) != 1 || grant.Answer != ledger.Send {
		t.Fatal(taken, grant)
	}
	var lost error
	events := make(chan struct{})
	changes := mine.Events(t.Context())
	go func() {
		defer close(events)
		for _, err := range changes {
			lost = err
		}
	}()
	before := session(t, pool, mine)
	if _, err := pool.Exec(t.Context(), "select pg_terminate_backend($1)", before); err != nil {
		t.Fatal(err)
	}
	until(t, "another session", func() bool { now := session(t, pool, mine); return now != 0 && now != before })
	if <-events; !errors.Is(lost, queue.ErrLost) {
		t.Errorf("who listened was not told that changes may be missing: %v", lost)
	}
	if again := take(t, other); len(again) != 0 {
		t.Errorf("another process took over %v", again)
	}
	if got := claim(t, other.Ledger(), "k"); got.Answer != ledger.Busy {
		t.Errorf("another process claims a mail that is under way: %v", got.Answer)
	}
	heard := make(chan string, 1)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	changes = mine.Events(ctx)
	go func() {
		for c := range changes {
			heard <- c.Entry.Key
			return
		}
	}()
	put(t, other, "l")
	if key := <-heard; key != "l" {
		t.Errorf("heard of %q", key)
	}
	err := mine.Ledger().Ending(t.Context(), []ledger.Grant{grant})
	if err == nil {
		err = mine.Ledger().End(t.Context(), []ledger.Ended{{Grant: grant, Fate: ledger.Fate{Outcome: transport.Accepted}}})
	}
	if err = errors.Join(err, mine.Settle(t.Context(), []queue.Settlement{{Taken: taken[0], Do: queue.Done}})); err != nil {
		t.Error(err)
	}
}

// TestTakenOverMeanwhile: what another process took while the session was away stays that one's.
func TestTakenOverMeanwhile(t *testing.T) {
	dsn := newDatabase(t)
	mine, pool, door := openWithDoor(t, dsn)
	other := open(t, newPool(t, dsn))
	put(t, mine, "k")
	taken, grant := take(t, mine), claim(t, mine.Ledger(), "k")
	away(t, pool, mine, door, func() {
		if again := take(t, other); len(again) != 1 {
			t.Errorf("the job of a process that is away is not due: %v", again)
		}
		if got := claim(t, other.Ledger(), "k"); got.Answer != ledger.Send {
			t.Errorf("its claim holds: %v", got.Answer)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		if _, err := mine.Ledger().Claim(ctx, []ledger.Claim{{Key: "new", Recipient: recipient(t)}}); err == nil {
			t.Error("a process that others take for dead claims a mail")
		}
	})
	if err := mine.Ledger().Ending(t.Context(), []ledger.Grant{grant}); !errors.Is(err, ledger.ErrFenced) {
		t.Errorf("the old claim: %v", err)
	}
	if err := mine.Settle(t.Context(), []queue.Settlement{{Taken: taken[0], Do: queue.Done}}); !errors.Is(err, queue.ErrLease) {
		t.Errorf("the old lease: %v", err)
	}
	put(t, mine, "l")
	if again := take(t, mine); len(again) != 1 || claim(t, mine.Ledger(), "l").Answer != ledger.Send {
		t.Errorf("after it is back: %v", again)
	}
}

// TestTakeWaitsForSession: no job is begun while others take this process for dead.
func TestTakeWaitsForSession(t *testing.T) {
	e, pool, door := openWithDoor(t, newDatabase(t))
	put(t, e, "k")
	type answer struct {
		marked int
		taken  []queue.Taken
		err    error
	}
	answers := make(chan answer, 1)
	away(t, pool, e, door, func() {
		go func() {
			taken, err := e.Take(t.Context(), queue.Request{Most: 1, Lease: time.Hour})
			answers <- answer{session(t, pool, e), taken, err}
		}()
		select {
		case a := <-answers:
			t.Errorf("it took a job while it was away: %v", a)
			answers <- a
		case <-time.After(100 * time.Millisecond): // to see it fail; a late answer passes too
		}
	})
	if a := <-answers; a.err != nil || len(a.taken) != 1 || a.marked == 0 {
		t.Errorf("%+v", a)
	}
}

// door is what the session of an engine goes through when it is opened; all other calls have a ctx without it.
type door struct{ closed atomic.Bool }

type doorKey struct{}

// openWithDoor opens an engine whose session can be kept away.
func openWithDoor(t *testing.T, dsn string) (*river.Engine, *pgxpool.Pool, *door) {
	t.Helper()
	config, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		t.Fatal(err)
	}
	config.PrepareConn = func(ctx context.Context, _ *pgx.Conn) (bool, error) {
		if d, ok := ctx.Value(doorKey{}).(*door); ok && d.closed.Load() {
			return true, errors.New("no way in")
		}
		return true, nil
	}
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	d := new(door)
	e, err := river.Open(context.WithValue(t.Context(), doorKey{}, d), pool, river.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e, pool, d
}

// away ends the session of an engine and lets no new one begin while do runs; the pool goes on.
func away(t *testing.T, pool *pgxpool.Pool, e *river.Engine, d *door, do func()) {
	t.Helper()
	d.closed.Store(true)
	if _, err := pool.Exec(t.Context(), "select pg_terminate_backend($1, 60000)", session(t, pool, e)); err != nil {
		t.Fatal(err)
	}
	do()
	d.closed.Store(false)
	until(t, "the session is back", func() bool { return session(t, pool, e) != 0 })
}

// TestServerStartsAnew: a worker goes on after PostgreSQL was started anew, and the end of a mail that it could not write is written
// then: no mail is left in doubt, and none goes twice.
func TestServerStartsAnew(t *testing.T) {
	s, err := pgtest.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	pool := newPool(t, s.DSN("postgres"))
	e := open(t, pool)
	q, err := queue.New(e, queue.Config{})
	if err != nil {
		t.Fatal(err)
	}
	var a, b atomic.Int64 // copies
	relay := transport.Func(func(_ context.Context, m transport.Mail) (*transport.Result, error) {
		if _, err := m.WriteTo(io.Discard); err != nil {
			return transport.Fail(m, transport.PhaseBody, err)
		}
		if transport.KeyOf(m) == "b" {
			b.Add(1)
		} else {
			a.Add(1)
			s.Halt() // the verdict comes when the database is away
			time.AfterFunc(200*time.Millisecond, func() { _ = s.Again() })
		}
		return transport.NewResult(m.Envelope(), transport.Accepted, transport.Reply{}), nil
	})
	work := queue.Work(q, relay)
	work.Lease = 2 * time.Second
	work.Backoff = func(int) time.Duration { return 10 * time.Millisecond }
	worker, err := work.Build()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- worker.Run(ctx) }()
	if _, err := q.Enqueue(ctx, newMail(t), queue.Job{Key: "a"}); err != nil {
		t.Fatal(err)
	}
	until(t, "the server is back", func() bool {
		_, err := q.Enqueue(ctx, newMail(t), queue.Job{Key: "b"})
		return err == nil && a.Load() == 1
	})
	book := e.Ledger().(ledger.Book)
	until(t, "both mails went and their ends are known", func() bool {
		for _, key := range []string{"a", "b"} {
			records, err := book.Lookup(ctx, key)
			if err != nil || len(records) != 1 || records[0].Outcome != transport.Accepted {
				return false
			}
		}
		return state(t, e) == ""
	})
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if a.Load() != 1 || b.Load() != 1 {
		t.Errorf("%d and %d copies", a.Load(), b.Load())
	}
}

// TestTakeWithoutServer: a Take that may wait waits for a database that is away, until its ctx ends; one that may not says so at once.
func TestTakeWithoutServer(t *testing.T) {
	s, err := pgtest.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	e := open(t, newPool(t, s.DSN("postgres")))
	s.Halt()
	for _, wait := range []bool{true, false} {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		taken, err := e.Take(ctx, queue.Request{Most: 1, Lease: time.Minute, Wait: wait})
		if err == nil || errors.Is(err, context.DeadlineExceeded) != wait {
			t.Errorf("wait %t: %v, %v", wait, taken, err)
		}
		cancel()
	}
	if err := s.Again(); err != nil {
		t.Fatal(err)
	}
	put(t, e, "k")
	if taken, err := e.Take(t.Context(), queue.Request{Most: 1, Lease: time.Minute, Wait: true}); err != nil || len(taken) != 1 {
		t.Errorf("when it is back: %v, %v", taken, err)
	}
}

// TestRestartGrace: a server that was started anew has forgotten who lives. For a moment all who lived do, so that the first to be back
// does not take over what the others are sending.
func TestRestartGrace(t *testing.T) {
	dsn := newDatabase(t)
	mine, pool, door := openWithDoor(t, dsn)
	other := open(t, newPool(t, dsn))
	put(t, mine, "k")
	if taken := take(t, mine); len(taken) != 1 || claim(t, mine.Ledger(), "k").Answer != ledger.Send {
		t.Fatal(taken)
	}
	away(t, pool, mine, door, func() {
		river.SetRestart(24 * time.Hour) // as if the server had been started just now
		defer river.SetRestart(0)
		if again, got := take(t, other), claim(t, other.Ledger(), "k"); len(again) != 0 || got.Answer != ledger.Busy {
			t.Errorf("taken over: %v, %v", again, got.Answer)
		}
	})
}

package jetstream

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/depeche-mail/depeche/ledger"
	"github.com/depeche-mail/depeche/queue"
	"github.com/nats-io/nats.go/jetstream"
)

// knows waits until the index has a job, and returns it as pick does.
func (e *Engine) knows(t *testing.T, key string) slot {
	t.Helper()
	var p slot
	until(t.Context(), t, "the index knows "+key, func() bool {
		e.mu.Lock()
		defer e.mu.Unlock()
		at, known := e.index.find(idOf(key))
		if known {
			p = *e.index.slots.At(at)
			e.index.times.Remove(at)
		}
		return known
	})
	return p
}

// quietFor returns for how long nothing is due, an hour at most.
func (e *Engine) quietFor() time.Duration {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.index.times.Due(time.Now())
	if _, due := e.index.times.Next(func(string) bool { return true }); due {
		return 0
	}
	return e.index.times.Wait(time.Now(), time.Hour)
}

// TestIndexBehind: a process that has not yet seen what another did with a job does not take it, and does not ask for it again and again.
func TestIndexBehind(t *testing.T) {
	for name, do := range map[string]func(*Engine, queue.Taken) error{
		"taken": func(*Engine, queue.Taken) error { return nil },
		"parked": func(e *Engine, job queue.Taken) error {
			return e.Settle(t.Context(), []queue.Settlement{{Taken: job, Do: queue.Park}})
		},
		"sent": func(e *Engine, job queue.Taken) error {
			return e.Settle(t.Context(), []queue.Settlement{{Taken: job, Do: queue.Done}})
		},
	} {
		t.Run(name, func(t *testing.T) {
			connect := serve(t)
			ahead, late := open(t, Over(connect())), open(t, Over(connect()))
			put(t, late, "k")
			ahead.knows(t, "k")
			late.watch.Stop()
			<-late.watch.Closed()
			known := late.knows(t, "k")
			list, err := ahead.takeAll(t.Context(), []slot{ahead.knows(t, "k")}, time.Hour)
			if err != nil || len(list) != 1 {
				t.Fatalf("took %d jobs, %v", len(list), err)
			}
			if err := do(ahead, list[0]); err != nil {
				t.Fatal(err)
			}
			stolen, err := late.takeAll(t.Context(), []slot{known}, time.Hour)
			if err != nil || len(stolen) != 0 {
				t.Errorf("the other took %d jobs, %v", len(stolen), err)
			}
			if quiet := late.quietFor(); quiet < time.Minute {
				t.Errorf("the other asks again after %v", quiet)
			}
			if name == "taken" {
				if err := ahead.Extend(t.Context(), list, time.Hour); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// TestMissedEnd: a process that was away until the mark of a cancelled job was deleted forgets the job when it is due.
func TestMissedEnd(t *testing.T) {
	connect := serve(t)
	here, away := open(t, Over(connect())), open(t, Over(connect()))
	put(t, here, "k")
	away.knows(t, "k")
	away.watch.Stop()
	<-away.watch.Closed()
	if err := here.Cancel(t.Context(), "k"); err != nil {
		t.Fatal(err)
	}
	if err := here.jobs.purge(t.Context(), here.jobSubject(idOf("k"))); err != nil {
		t.Fatal(err)
	}
	list, err := away.takeAll(t.Context(), []slot{away.knows(t, "k")}, time.Hour)
	if err != nil || len(list) != 0 {
		t.Errorf("took %d jobs, %v", len(list), err)
	}
	if quiet := away.quietFor(); quiet < time.Minute {
		t.Errorf("a job that is gone is asked for again after %v", quiet)
	}
	away.mu.Lock()
	if n := away.index.byID.used; n != 0 {
		t.Errorf("the index has %d jobs", n)
	}
	away.mu.Unlock()
	put(t, here, "k") // the key is free
	if got := state(t, away); got != "k waiting 0; " {
		t.Error(got)
	}
}

// TestMissingIsMadeSureOf: a job that is there is not forgotten, whatever a server that lags said.
func TestMissingIsMadeSureOf(t *testing.T) {
	e := open(t, Embedded(t.TempDir()))
	put(t, e, "k")
	p := e.knows(t, "k")
	if err := e.bury(t.Context(), []slot{p}); err != nil {
		t.Error(err)
	}
	e.mu.Lock()
	e.index.again(p, time.Now(), time.Now())
	e.mu.Unlock()
	if job := takeOne(t, e, time.Hour); job.Entry.Key != "k" {
		t.Errorf("took %+v", job)
	}
}

// TestEndIsMarked: the mark of an end is there for longer than a write without an answer is asked about.
func TestEndIsMarked(t *testing.T) {
	e := open(t, Embedded(t.TempDir()))
	put(t, e, "k")
	if err := e.Cancel(t.Context(), "k"); err != nil {
		t.Fatal(err)
	}
	grants, err := e.book.Claim(t.Context(), claimsOf(t, "k"))
	if err != nil {
		t.Fatal(err)
	}
	if err = e.book.Ending(t.Context(), grants); err == nil {
		err = e.book.End(t.Context(), endsOf(grants)) // NotSent: deleted
	}
	if err != nil {
		t.Fatal(err)
	}
	js, err := jetstream.New(e.jobs.conn)
	if err != nil {
		t.Fatal(err)
	}
	for stream, subject := range map[string]string{e.jobs.name: e.jobSubject(idOf("k")), e.book.stream.name: e.book.place("k", grants[0].Recipient)} {
		of, err := js.Stream(t.Context(), stream)
		if err != nil {
			t.Fatal(err)
		}
		m, err := of.GetLastMsgForSubject(t.Context(), subject)
		if err != nil {
			t.Fatal(err)
		}
		if keep, err := time.ParseDuration(m.Header.Get("Nats-TTL")); err != nil || keep < patience+attempt {
			t.Errorf("%s is kept for %v, %v", subject, keep, err)
		}
	}
}

// TestNothingIsKeptOfTheDead: what a process leaves that ended or was killed goes by itself, its sign of life and its claims, but for what is
// in doubt.
func TestNothingIsKeptOfTheDead(t *testing.T) {
	connect := serve(t)
	e, err := Over(connect()).Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	claimed, err := e.book.Claim(t.Context(), claimsOf(t, "claimed"))
	if err != nil {
		t.Fatal(err)
	}
	ending, err := e.book.Claim(t.Context(), claimsOf(t, "ending"))
	if err == nil {
		err = e.book.Ending(t.Context(), ending)
	}
	if err = errors.Join(err, e.Close()); err != nil {
		t.Fatal(err)
	}
	js, err := jetstream.New(connect())
	if err != nil {
		t.Fatal(err)
	}
	for subject, want := range map[string]bool{
		e.owners.subject(e.owners.self): true, e.book.place("claimed", claimed[0].Recipient): true, e.book.place("ending", ending[0].Recipient): false,
	} {
		name, _, _ := strings.Cut(subject, ".")
		of, err := js.Stream(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		m, err := of.GetLastMsgForSubject(t.Context(), subject)
		if err != nil {
			t.Fatal(err)
		}
		if goes := m.Header.Get("Nats-TTL") != ""; goes != want {
			t.Errorf("%s goes by itself: %v, want %v", subject, goes, want)
		}
	}
}

func claimsOf(t *testing.T, key string) []ledger.Claim {
	t.Helper()
	return []ledger.Claim{{Key: key, Recipient: newMail(t).Envelope().From()}}
}

func endsOf(grants []ledger.Grant) (ends []ledger.Ended) {
	for _, g := range grants {
		ends = append(ends, ledger.Ended{Grant: g})
	}
	return ends
}

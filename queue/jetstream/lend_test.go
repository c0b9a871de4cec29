package jetstream

import (
	"errors"
	"testing"
	"time"

	"github.com/depeche-mail/depeche/queue"
)

// TestLeaseInMemory: in a process that is alone with its folder a job is written when it comes and when it is settled, and a worker has it in between
// all the same.
func TestLeaseInMemory(t *testing.T) {
	e := open(t, Embedded(t.TempDir()))
	put(t, e, "k")
	record := func() (*record, job) {
		t.Helper()
		r, err := e.jobs.readOne(t.Context(), e.jobSubject(idOf("k")))
		if err != nil || r == nil {
			t.Fatal(r, err)
		}
		j, err := readJob(r)
		if err != nil {
			t.Fatal(err)
		}
		return r, j
	}
	before, _ := record()
	got := takeOne(t, e, time.Hour)
	if quiet := e.quietFor(); quiet < time.Hour-time.Minute {
		t.Errorf("a job that a worker has for an hour is due in %v", quiet)
	}
	if err := e.Extend(t.Context(), []queue.Taken{got}, 2*time.Hour); err != nil {
		t.Error("Extend:", err)
	}
	if after, j := record(); after.seq != before.seq || j.State != queue.Waiting {
		t.Errorf("the lease is written: %+v", j)
	}
	if quiet := e.quietFor(); quiet < time.Hour {
		t.Errorf("a lease that was made two hours long ends in %v", quiet)
	}
	if s := state(t, e); s != "k working 1; " {
		t.Error(s)
	}
	for name, err := range map[string]error{
		"Cancel": e.Cancel(t.Context(), "k"), "Park": e.Park(t.Context(), "k", ""), "PutBack": e.PutBack(t.Context(), "k", time.Now()),
	} {
		if !errors.Is(err, queue.ErrNotFound) {
			t.Errorf("%s of a job at work: %v", name, err)
		}
	}
	if err := e.Settle(t.Context(), []queue.Settlement{{Taken: got, Do: queue.Later}}); err != nil {
		t.Fatal(err)
	}
	if _, j := record(); j.Attempts != 1 {
		t.Errorf("settled: %+v", j)
	}
	if again := takeOne(t, e, time.Hour); again.Entry.Attempts != 2 {
		t.Errorf("attempt %d, want the second", again.Entry.Attempts)
	}
}

// TestEditBesideTake: a job is not lent while a call changes it: a worker would send what is cancelled.
func TestEditBesideTake(t *testing.T) {
	e := open(t, Embedded(t.TempDir()))
	put(t, e, "k")
	done, err := e.edited(idOf("k"), "k")
	if err != nil {
		t.Fatal(err)
	}
	if taken, err := e.Take(t.Context(), queue.Request{Most: 1, Lease: time.Hour}); err != nil || len(taken) > 0 {
		t.Fatalf("taken while it is changed: %v, %v", taken, err)
	}
	done()
	takeOne(t, e, time.Hour)
	if _, err := e.edited(idOf("k"), "k"); !errors.Is(err, queue.ErrNotFound) {
		t.Errorf("changed while a worker has it: %v", err)
	}
	if len(e.editing) > 0 {
		t.Errorf("left: %v", e.editing)
	}
}

// TestTakenBack: a lease that no worker got ends at once, and counts as no attempt.
func TestTakenBack(t *testing.T) {
	e := open(t, Embedded(t.TempDir()))
	put(t, e, "k")
	list, err := e.readAll(t.Context(), []slot{e.knows(t, "k")}, time.Hour)
	if err != nil || len(e.lendAll(list)) != 1 || len(e.lendAll(list)) != 0 {
		t.Fatalf("%v, %v", list, err)
	}
	e.takeBack(list)
	if got := takeOne(t, e, time.Hour); got.Entry.Attempts != 1 {
		t.Errorf("attempt %d", got.Entry.Attempts)
	}
}

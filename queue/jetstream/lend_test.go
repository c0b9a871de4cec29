package jetstream

import (
	"context"
	"errors"
	"fmt"
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
	_, done, err := e.edited(idOf("k"), "k")
	if err != nil {
		t.Fatal(err)
	}
	if taken, err := e.Take(t.Context(), queue.Request{Most: 1, Lease: time.Hour}); err != nil || len(taken) > 0 {
		t.Fatalf("taken while it is changed: %v, %v", taken, err)
	}
	done()
	takeOne(t, e, time.Hour)
	if _, _, err := e.edited(idOf("k"), "k"); !errors.Is(err, queue.ErrNotFound) {
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

// TestSettleBesideTake: a job is not lent while its settlement is being written, also when its lease ends meanwhile.
func TestSettleBesideTake(t *testing.T) {
	e := open(t, Embedded(t.TempDir()))
	put(t, e, "k")
	const lease = 50 * time.Millisecond
	got := takeOne(t, e, lease)
	settled := make(chan error, 1)
	e.jobs.group.mu.Lock() // no write is made
	go func() { settled <- e.Settle(t.Context(), []queue.Settlement{{Taken: got, Do: queue.Done}}) }()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	until(ctx, t, "the job is being settled, and its lease has ended", func() bool {
		e.mu.Lock()
		defer e.mu.Unlock()
		return len(e.editing) > 0 && e.index.free(idOf("k"), time.Now())
	})
	if taken, err := e.Take(t.Context(), queue.Request{Most: 1, Lease: time.Hour}); err != nil || len(taken) > 0 {
		t.Errorf("taken while it is settled: %v, %v", taken, err)
	}
	e.jobs.group.mu.Unlock()
	if err := <-settled; err != nil {
		t.Error(err)
	}
	if s := state(t, e); s != "" || len(e.editing) > 0 {
		t.Errorf("%q, %v", s, e.editing)
	}
}

// TestLeaseEndsForWhoWaits: a Take that waits for a job sees the end of a lease that began meanwhile.
func TestLeaseEndsForWhoWaits(t *testing.T) {
	e := open(t, Embedded(t.TempDir()))
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	const workers = 2
	got := make(chan error, workers)
	for range workers {
		go func() {
			taken, err := e.Take(ctx, queue.Request{Most: 1, Lease: 50 * time.Millisecond, Wait: true})
			if err == nil && len(taken) != 1 {
				err = fmt.Errorf("%d jobs", len(taken))
			}
			got <- err
		}()
	}
	put(t, e, "k")
	for range workers {
		if err := <-got; err != nil {
			t.Error(err)
		}
	}
}

// TestParkAfterALease: attempts whose leases have ended in memory count when the job is parked.
func TestParkAfterALease(t *testing.T) {
	e := open(t, Embedded(t.TempDir()))
	put(t, e, "k")
	takeOne(t, e, time.Millisecond)
	until(t.Context(), t, "the lease has ended", func() bool { return state(t, e) == "k waiting 1; " })
	if err := e.Park(t.Context(), "k", "looked at"); err != nil {
		t.Fatal(err)
	}
	if s := state(t, e); s != "k parked 1; " {
		t.Error(s)
	}
}

// TestPauseInOrder: a record that is seen late does not undo what this process did since.
func TestPauseInOrder(t *testing.T) {
	e := open(t, Embedded(t.TempDir()))
	put(t, e, "k")
	var numbers []uint64
	for _, paused := range []bool{true, false, true} {
		if err := e.Pause(t.Context(), paused); err != nil {
			t.Fatal(err)
		}
		e.mu.Lock()
		numbers = append(numbers, e.pausedBy)
		e.mu.Unlock()
	}
	e.setPaused(numbers[1], false)
	if taken, err := e.Take(t.Context(), queue.Request{Most: 1, Lease: time.Hour}); err != nil || len(taken) > 0 {
		t.Errorf("an old record has ended the pause: %v, %v", taken, err)
	}
	if err := e.Pause(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	e.setPaused(numbers[2], true)
	takeOne(t, e, time.Hour)
}

// Package queuetest is the suite that every engine of package queue passes, ours and yours.
package queuetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/depeche-mail/depeche/ledger"
	"github.com/depeche-mail/depeche/queue"
	gocmp "github.com/google/go-cmp/cmp"
)

// Engine is how the suite gets at the engine under test.
type Engine struct {
	// Open returns an engine without jobs. The suite closes it.
	Open func(t *testing.T) queue.Engine
	// Do runs a rule; nil runs it as it is, and it waits for some seconds. An engine whose time is that of package time
	// runs it in a bubble: synctest.Test.
	Do func(t *testing.T, rule func(*testing.T))
}

// Run checks every rule against engines that e opens.
func Run(t *testing.T, e Engine) {
	if e.Open == nil {
		t.Fatal("queuetest: Engine.Open is needed")
	}
	if e.Do == nil {
		e.Do = func(t *testing.T, rule func(*testing.T)) { rule(t) }
	}
	for name, rule := range map[string]func(*testing.T, queue.Engine){
		"a job from its beginning to its end": testLife, "keys": testKeys, "schedule and priority": testSchedule,
		"leases": testLeases, "each job to one worker": testShare, "park, put back, cancel": testPark, "park what waits": testParkWaiting, "pause": testPause,
		"waiting and ending": testWaiting, "limits": testLimits, "events": testEvents,
	} {
		t.Run(name, func(t *testing.T) {
			e.Do(t, func(t *testing.T) {
				engine := e.Open(t)
				defer func() {
					if err := engine.Close(); err != nil {
						t.Error("Close:", err)
					}
				}()
				rule(t, engine)
			})
		})
	}
}

const lease = 4 * time.Second

// pass lets time pass, which is what is tested; nothing is synchronised by it.
func pass(d time.Duration) { <-time.After(d) }

func entry(key string, change func(*queue.Entry)) queue.Entry {
	e := queue.Entry{Digest: ledger.Digest{1}, Enqueued: time.Now().UTC(), Start: time.Now().UTC(), Payload: []byte("payload of " + key)}
	e.Key = key
	if change != nil {
		change(&e)
	}
	return e
}

func put(t *testing.T, q queue.Engine, entries ...queue.Entry) {
	t.Helper()
	errs, err := q.Put(t.Context(), entries)
	if err = errors.Join(append(errs, err)...); err != nil {
		t.Fatal("Put:", err)
	}
}

// take takes what is due at this moment.
func take(t *testing.T, q queue.Engine, limit int) []queue.Taken {
	t.Helper()
	taken, err := q.Take(t.Context(), queue.Request{Most: limit, Lease: lease})
	if err != nil || len(taken) > limit {
		t.Fatalf("Take: %d jobs, %v", len(taken), err)
	}
	return taken
}

func keys(taken []queue.Taken) string {
	var text strings.Builder
	for _, t := range taken {
		text.WriteString(t.Entry.Key + " ")
	}
	return text.String()
}

func settle(t *testing.T, q queue.Engine, taken queue.Taken, s queue.Settlement) {
	t.Helper()
	s.Taken = taken
	if err := q.Settle(t.Context(), []queue.Settlement{s}); err != nil {
		t.Fatal("Settle:", err)
	}
}

// list says what the engine holds.
func list(t *testing.T, q queue.Engine) string {
	t.Helper()
	var text strings.Builder
	for e, err := range q.List(t.Context()) {
		if err != nil {
			t.Fatal("List:", err)
		}
		if len(e.Payload) > 0 {
			t.Error("List gives the payload away")
		}
		fmt.Fprintf(&text, "%s %v %d %q; ", e.Key, e.State, e.Attempts, e.Reason)
	}
	return text.String()
}

func testLife(t *testing.T, q queue.Engine) {
	want := entry("order-1/receipt", func(e *queue.Entry) {
		e.Priority, e.Relay, e.Guarantee, e.Trace = 3, "bulk", 1, map[string]string{"traceparent": "00-1"}
		e.Expires = time.Now().Add(time.Hour).UTC().Truncate(time.Second)
		e.Payload = make([]byte, 700<<10)
		e.Payload[1] = 7
	})
	want.Enqueued, want.Start = want.Enqueued.Truncate(time.Second), want.Start.Truncate(time.Second)
	put(t, q, want)
	taken := take(t, q, 10)
	if len(taken) != 1 {
		t.Fatalf("took %d jobs", len(taken))
	}
	want.State, want.Attempts = queue.Working, 1
	if !bytes.Equal(want.Payload, taken[0].Entry.Payload) {
		t.Error("the payload is another one")
	}
	want.Payload, taken[0].Entry.Payload = nil, nil
	want.Digest = taken[0].Entry.Digest // engines keep it under a secret
	if diff := gocmp.Diff(want, taken[0].Entry); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	settle(t, q, taken[0], queue.Settlement{Do: queue.Later, Reason: "busy"})
	if got := list(t, q); got != `order-1/receipt waiting 1 "busy"; ` {
		t.Error(got)
	}
	taken = take(t, q, 10)
	if len(taken) != 1 || taken[0].Entry.Attempts != 2 || taken[0].Entry.Reason != "busy" {
		t.Fatalf("%+v", taken)
	}
	settle(t, q, taken[0], queue.Settlement{Do: queue.Done})
	if got := list(t, q); got != "" || len(take(t, q, 1)) != 0 {
		t.Errorf("after the end: %s", got)
	}
}

func testKeys(t *testing.T, q queue.Engine) {
	first := entry("k", nil)
	other := entry("k", func(e *queue.Entry) { e.Digest[0] = 2 })
	odd := entry("*.> %/é", nil)
	put(t, q, first, first, odd)
	check := func(when string) {
		errs, err := q.Put(t.Context(), []queue.Entry{first, other, odd})
		if err != nil || len(errs) != 3 || errs[0] != nil || !errors.Is(errs[1], ledger.ErrKeyReused) || errs[2] != nil {
			t.Errorf("%s: %v, %v", when, errs, err)
		}
	}
	check("waiting")
	taken := take(t, q, 10)
	if len(taken) != 2 {
		t.Fatalf("%d jobs of two keys", len(taken))
	}
	check("working")
	for _, job := range taken {
		settle(t, q, job, queue.Settlement{Do: queue.Done})
	}
	check("done")
	if got := keys(take(t, q, 10)); got != "" {
		t.Errorf("%s came again", got)
	}
}

func testSchedule(t *testing.T, q queue.Engine) {
	at := func(d time.Duration) func(*queue.Entry) {
		return func(e *queue.Entry) { e.At = time.Now().Add(d).UTC() }
	}
	put(t, q, entry("later", at(5*time.Second)), entry("past", at(-time.Hour)), entry("urgent", func(e *queue.Entry) {
		e.Priority, e.At = 9, time.Now().Add(-time.Minute).UTC()
	}))
	if got := keys(take(t, q, 1)); got != "urgent " {
		t.Errorf("first %s", got)
	}
	if got := keys(take(t, q, 10)); got != "past " {
		t.Errorf("then %s", got)
	}
	pass(3 * time.Second)
	for _, job := range take(t, q, 10) {
		if job.Entry.Key == "later" {
			t.Error("two seconds early")
		}
	}
	pass(3 * time.Second)
	seen := false
	for _, job := range take(t, q, 10) {
		seen = seen || job.Entry.Key == "later"
	}
	if !seen {
		t.Error("a second late")
	}
}

func testLeases(t *testing.T, q queue.Engine) {
	put(t, q, entry("a", nil), entry("b", nil))
	old := take(t, q, 2)
	if len(old) != 2 {
		t.Fatalf("%d jobs", len(old))
	}
	pass(lease * 3 / 4)
	if err := q.Extend(t.Context(), old[:1], lease); err != nil {
		t.Error("Extend:", err)
	}
	pass(lease / 2)
	if err := q.Extend(t.Context(), old[1:], lease); !errors.Is(err, queue.ErrLease) {
		t.Errorf("Extend of a lease that has ended, before another worker has the job: %v", err)
	}
	fresh := take(t, q, 10)
	if got := keys(fresh); got != keys(old[1:]) || fresh[0].Entry.Attempts != 2 {
		t.Fatalf("took %s, want the one whose lease has ended", got)
	}
	if err := q.Extend(t.Context(), old[1:], lease); !errors.Is(err, queue.ErrLease) {
		t.Errorf("Extend of a lease that has ended: %v", err)
	}
	done := queue.Settlement{Taken: old[1], Do: queue.Done}
	if err := q.Settle(t.Context(), []queue.Settlement{done, {Taken: old[0], Do: queue.Done}}); !errors.Is(err, queue.ErrLease) {
		t.Errorf("Settle of a lease that has ended: %v", err)
	}
	if got := list(t, q); got != fresh[0].Entry.Key+` working 2 ""; ` {
		t.Errorf("left: %s", got)
	}
	settle(t, q, fresh[0], queue.Settlement{Do: queue.Done})
	if err := q.Settle(t.Context(), []queue.Settlement{{Taken: fresh[0], Do: queue.Later}}); !errors.Is(err, queue.ErrLease) {
		t.Errorf("Settle twice: %v", err)
	}
}

func testShare(t *testing.T, q queue.Engine) {
	const n = 100
	var entries []queue.Entry
	for i := range n {
		entries = append(entries, entry(fmt.Sprint("k", i), nil))
	}
	put(t, q, entries...)
	var workers sync.WaitGroup
	var mu sync.Mutex
	seen := map[string]int{}
	for range 4 {
		workers.Go(func() {
			for {
				taken, err := q.Take(t.Context(), queue.Request{Most: 7, Lease: time.Hour})
				if err != nil {
					t.Error(err)
				}
				if len(taken) == 0 {
					return
				}
				mu.Lock()
				for _, job := range taken {
					seen[job.Entry.Key]++
				}
				mu.Unlock()
			}
		})
	}
	workers.Wait()
	for i := range n {
		if key := fmt.Sprint("k", i); seen[key] != 1 {
			t.Errorf("%s was taken %d times", key, seen[key])
		}
	}
}

// testParkWaiting is about jobs that no worker has.
func testParkWaiting(t *testing.T, q queue.Engine) {
	put(t, q, entry("a", nil), entry("b", nil), entry("c", func(e *queue.Entry) { e.At = time.Now().Add(lease) }))
	if err := errors.Join(q.Park(t.Context(), "a", "for a while"), q.Park(t.Context(), "c", "")); err != nil {
		t.Error("Park:", err)
	}
	for _, key := range []string{"a", "nothing"} {
		if err := q.Park(t.Context(), key, ""); !errors.Is(err, queue.ErrNotFound) {
			t.Errorf("Park of %q: %v", key, err)
		}
	}
	job := take(t, q, 10)
	if got := keys(job); got != "b " {
		t.Fatalf("took %q", got)
	}
	if err := q.Park(t.Context(), "b", ""); !errors.Is(err, queue.ErrNotFound) {
		t.Errorf("Park of a job at work: %v", err)
	}
	settle(t, q, job[0], queue.Settlement{Do: queue.Done})
	pass(lease)
	if got := list(t, q); !strings.Contains(got, `a parked 0 "for a while"; `) || !strings.Contains(got, `c parked 0 ""; `) {
		t.Error(got)
	}
	if err := q.PutBack(t.Context(), "a", time.Now()); err != nil {
		t.Error("PutBack:", err)
	}
	if got := keys(take(t, q, 10)); got != "a " {
		t.Errorf("took %q after it was put back", got)
	}
}

func testPark(t *testing.T, q queue.Engine) {
	put(t, q, entry("a", nil), entry("b", nil))
	for _, job := range take(t, q, 2) {
		if err := q.Cancel(t.Context(), job.Entry.Key); !errors.Is(err, queue.ErrNotFound) {
			t.Errorf("Cancel of a job at work: %v", err)
		}
		settle(t, q, job, queue.Settlement{Do: queue.Park, Reason: "no such user"})
	}
	if got := list(t, q); got != `a parked 1 "no such user"; b parked 1 "no such user"; ` {
		t.Error(got)
	}
	if got := keys(take(t, q, 10)); got != "" {
		t.Errorf("%s is parked and was taken", got)
	}
	if err := q.PutBack(t.Context(), "a", time.Now()); err != nil {
		t.Error("PutBack:", err)
	}
	if err := errors.Join(q.PutBack(t.Context(), "a", time.Now()), q.PutBack(t.Context(), "nothing", time.Now())); !errors.Is(err, queue.ErrNotFound) {
		t.Errorf("PutBack of what is not parked: %v", err)
	}
	if err := errors.Join(q.Cancel(t.Context(), "b"), q.Cancel(t.Context(), "a")); err != nil {
		t.Error("Cancel:", err)
	}
	if err := q.Cancel(t.Context(), "a"); !errors.Is(err, queue.ErrNotFound) {
		t.Errorf("Cancel of nothing: %v", err)
	}
	put(t, q, entry("a", func(e *queue.Entry) { e.Digest[0] = 9 })) // a cancelled key is free
	if got := keys(take(t, q, 10)); got != "a " {
		t.Errorf("took %q", got)
	}
}

func testPause(t *testing.T, q queue.Engine) {
	pause := func(paused bool) {
		t.Helper()
		before, errBefore := q.Paused(t.Context())
		err := q.Pause(t.Context(), paused)
		after, errAfter := q.Paused(t.Context())
		if err = errors.Join(errBefore, err, errAfter); err != nil || before == paused || after != paused {
			t.Fatalf("Pause(%v): paused %v before, %v after: %v", paused, before, after, err)
		}
	}
	pause(true)
	put(t, q, entry("a", nil))
	if got := keys(take(t, q, 1)); got != "" {
		t.Errorf("%s was taken while paused", got)
	}
	waiting := make(chan string)
	go func() {
		taken, _ := q.Take(t.Context(), queue.Request{Most: 1, Lease: lease, Wait: true})
		waiting <- keys(taken)
	}()
	pause(false)
	if got := <-waiting; got != "a " {
		t.Errorf("after the pause: %q", got)
	}
}

func testWaiting(t *testing.T, q queue.Engine) {
	waiting := make(chan string)
	go func() {
		taken, err := q.Take(t.Context(), queue.Request{Most: 5, Lease: lease, Wait: true})
		waiting <- fmt.Sprint(keys(taken), err)
	}()
	put(t, q, entry("a", nil))
	if got := <-waiting; got != "a <nil>" {
		t.Errorf("Take that waits: %s", got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		_, err := q.Take(ctx, queue.Request{Most: 5, Lease: lease, Wait: true})
		waiting <- fmt.Sprint(errors.Is(err, context.Canceled))
	}()
	cancel()
	if got := <-waiting; got != "true" {
		t.Error("Take did not end with its ctx")
	}
	if _, err := q.Put(ctx, []queue.Entry{entry("b", nil)}); !errors.Is(err, context.Canceled) {
		t.Errorf("Put with a ctx that has ended: %v", err)
	}
	if q.Ledger() == nil {
		t.Error("the engine has no ledger")
	}
	if err := q.Close(); err != nil {
		t.Error(err)
	}
	if _, err := q.Take(t.Context(), queue.Request{Most: 1, Lease: lease, Wait: true}); !errors.Is(err, queue.ErrClosed) {
		t.Errorf("Take after Close: %v", err)
	}
}

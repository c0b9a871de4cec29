package jetstream

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/depeche-mail/depeche/queue"
	"github.com/nats-io/nats.go"
)

// TestTakeThatEnds: a Take whose ctx ends has its jobs, or the next one gets them at once and not when a lease is over.
func TestTakeThatEnds(t *testing.T) {
	e := open(t, Embedded(t.TempDir()))
	ended := 0
	for i := range 100 {
		if _, err := e.Put(t.Context(), []queue.Entry{{Job: queue.Job{Key: fmt.Sprint("k", i)}}}); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(rand.N(3*time.Millisecond), cancel)
		want := queue.Request{Most: 1, Lease: time.Hour, Wait: true}
		taken, err := e.Take(ctx, want)
		if err != nil {
			ended++
			soon, stop := context.WithTimeout(t.Context(), time.Minute)
			taken, err = e.Take(soon, want)
			stop()
		}
		cancel()
		if err != nil || len(taken) != 1 {
			t.Fatalf("round %d: %d jobs, %v", i, len(taken), err)
		}
		if err := e.Settle(t.Context(), []queue.Settlement{{Taken: taken[0], Do: queue.Done}}); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d of 100 ended early", ended)
}

// TestTakeThatEndsInTheWrite: a Take whose ctx ends while a lease is being written for others to see has the job, and all of a large mail, which is
// read after that. No other process can have it: by its record this one has.
func TestTakeThatEndsInTheWrite(t *testing.T) {
	connect := serve(t)
	e, other := open(t, Over(connect())), connect()
	for i := range 10 {
		job := queue.Entry{Job: queue.Job{Key: fmt.Sprint("k", i)}, Payload: make([]byte, i%2*(inline+1))}
		if _, err := e.Put(t.Context(), []queue.Entry{job}); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		lease, err := other.Subscribe(e.jobSubject(idOf(job.Key)), func(*nats.Msg) { cancel() })
		if err == nil {
			err = other.Flush()
		}
		if err != nil {
			t.Fatal(err)
		}
		taken, err := e.Take(ctx, queue.Request{Most: 1, Lease: time.Hour, Wait: true})
		if err != nil || len(taken) != 1 || len(taken[0].Entry.Payload) != len(job.Payload) {
			t.Fatalf("round %d: %d jobs, %v", i, len(taken), err)
		}
		<-ctx.Done()
		cancel()
		if err := errors.Join(lease.Unsubscribe(), e.Settle(t.Context(), []queue.Settlement{{Taken: taken[0], Do: queue.Done}})); err != nil {
			t.Fatal(err)
		}
	}
}

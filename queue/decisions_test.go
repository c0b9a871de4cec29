package queue_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/depeche-mail/depeche/queue"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/stub"
	"github.com/google/go-cmp/cmp"
)

// decided is an observer that keeps what was decided. Its methods are called one after the other here.
type decided []string

func (o *decided) Begin(context.Context, transport.Mail) func(*transport.Result, error) { return nil }

func (o *decided) Decide(_ context.Context, d transport.Decision) {
	key := ""
	if d.Mail != nil {
		key = transport.KeyOf(d.Mail)
	}
	*o = append(*o, fmt.Sprintf("%s %q relay=%q attempt=%d recipients=%d wait=%v failed=%t", d.Kind, key, d.Relay, d.Attempt, d.Recipients, d.Wait, d.Err != nil))
}

// TestWorkerIsSeen: what a worker decides about jobs is told to the observers of the ctx of its run, beside what the
// ledger decides.
func TestWorkerIsSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(t, queue.Config{})
		relay := stub.New().Next(stub.Reject(transport.PhaseRcpt, 450, "later"), stub.Reject(transport.PhaseRcpt, 550, "no such user"))
		enqueue(t, q, mail(t, "a@example.org"), queue.Job{Key: "k"})
		var seen decided
		w := queue.Work(q, relay)
		w.Backoff = func(int) time.Duration { return 50 * time.Second }
		worker, err := w.Build()
		if err != nil {
			t.Fatal(err)
		}
		ctx := transport.WithObserver(t.Context(), &seen)
		for range 2 {
			err = errors.Join(err, worker.RunDue(ctx))
			time.Sleep(time.Minute)
		}
		enqueue(t, q, mail(t, "b@example.org"), queue.Job{Key: "l", Relay: "unknown"})
		if err = errors.Join(err, worker.RunDue(ctx)); err != nil {
			t.Fatal(err)
		}
		want := decided{
			`queue.later "k" relay="" attempt=2 recipients=1 wait=50s failed=true`,
			`queue.park "k" relay="" attempt=0 recipients=1 wait=0s failed=true`,
			`queue.park "" relay="unknown" attempt=0 recipients=0 wait=0s failed=true`,
		}
		if diff := cmp.Diff(want, seen); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

package jetstream

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/depeche-mail/depeche/queue"
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

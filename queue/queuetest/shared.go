package queuetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/depeche-mail/depeche/queue"
	"github.com/depeche-mail/depeche/transport"
)

// testLimits is about what all workers share: a relay has its share and no more, and holds no other up.
func testLimits(t *testing.T, q queue.Engine) {
	for i := range 6 {
		put(t, q, entry(fmt.Sprint("slow", i), func(e *queue.Entry) { e.Relay, e.Priority = "slow", 9 }))
	}
	put(t, q, entry("other", nil))
	want := queue.Request{Most: 10, Lease: time.Hour, Limits: map[string]queue.Limit{"slow": {Every: 2 * time.Second, Burst: 2}}}
	slow := 0
	look := func() (others int) {
		taken, err := q.Take(t.Context(), want)
		if err != nil {
			t.Fatal(err)
		}
		for _, job := range taken {
			if job.Entry.Relay == "slow" {
				slow++
			} else {
				others++
			}
		}
		return others
	}
	start := time.Now()
	if others := look(); others != 1 || slow != 2 {
		t.Errorf("at first %d slow and %d others, want the burst of 2 and 1", slow, others)
	}
	look()
	if most := 2 + int(time.Since(start)/(2*time.Second)); slow > most {
		t.Errorf("%d slow at once", slow)
	}
	want.Wait = true // it wakes when there is a place, not when there is a job
	for slow < 4 {
		look()
	}
	if took := time.Since(start); took < 3900*time.Millisecond {
		t.Errorf("4 jobs with a burst of 2 and one every 2s took %v", took)
	}
}

// testEvents is about what all who look are told.
func testEvents(t *testing.T, q queue.Engine) {
	ctx, cancel := context.WithCancel(t.Context())
	events := q.Events(ctx)
	seen := make(chan string)
	go func() {
		var text strings.Builder
		for change, err := range events {
			if err != nil {
				fmt.Fprint(&text, err)
				break
			}
			if len(change.Entry.Payload) > 0 {
				t.Error("an event gives the payload away")
			}
			if change.Entry.Key == "last" && change.What == queue.Cancelled {
				cancel()
			}
			fmt.Fprintf(&text, "%s %v %v; ", change.Entry.Key, change.What, change.Entry.Outcome)
		}
		seen <- text.String()
	}()
	wait := func() { pass(time.Second) } // what happens fast may be told as one
	put(t, q, entry("a", nil))
	wait()
	taken := take(t, q, 1)
	wait()
	settle(t, q, taken[0], queue.Settlement{Do: queue.Later, Reason: "busy", Outcome: transport.Deferred})
	wait()
	taken = take(t, q, 1)
	settle(t, q, taken[0], queue.Settlement{Do: queue.Park, Reason: "lost", Outcome: transport.Unknown})
	wait()
	if err := q.PutBack(t.Context(), "a", time.Now()); err != nil {
		t.Fatal(err)
	}
	wait()
	taken = take(t, q, 1)
	settle(t, q, taken[0], queue.Settlement{Do: queue.Done, Outcome: transport.Accepted})
	put(t, q, entry("last", nil))
	wait()
	if err := q.Cancel(t.Context(), "last"); err != nil {
		t.Fatal(err)
	}
	got := <-seen
	for _, want := range []string{"a queued", "a sending", "a delayed deferred", "a parked unknown", "a queued", "a sent accepted", "last queued", "last cancelled"} {
		at := strings.Index(got, want)
		if at < 0 {
			t.Fatalf("%q is missing, or not in this order: %s", want, got)
		}
		got = got[at+len(want):]
	}
	for _, err := range q.Events(ctx) {
		t.Errorf("events after ctx: %v", err)
	}
	if err := q.Close(); err != nil {
		t.Error(err)
	}
	var last error
	for _, last = range q.Events(t.Context()) {
	}
	if !errors.Is(last, queue.ErrClosed) {
		t.Errorf("events after Close: %v", last)
	}
}

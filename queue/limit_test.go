package queue_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/depeche-mail/depeche/queue"
	"github.com/depeche-mail/depeche/transport/stub"
)

// TestLimitReserve plays places in time: never more than Burst at once, nor than time allows on the whole.
func TestLimitReserve(t *testing.T) {
	start := time.Unix(1_700_000_000, 0)
	for _, limit := range []queue.Limit{{Every: time.Second}, {Every: time.Second, Burst: 1}, {Every: 3 * time.Second, Burst: 5}} {
		var cell time.Time
		total := 0
		for step := range 1000 {
			passed := time.Duration(step) * 100 * time.Millisecond
			granted, next, wait := limit.Reserve(cell, start.Add(passed), 1+step%4)
			if granted > 1+step%4 || granted > max(limit.Burst, 1) || (granted == 0) != (wait > 0) {
				t.Fatalf("%+v: %d places, wait %v", limit, granted, wait)
			}
			if again, _, _ := limit.Reserve(cell, start.Add(passed+wait), 1); again != 1 {
				t.Fatalf("%+v: no place after the wait", limit)
			}
			cell, total = next, total+granted
			if most := max(limit.Burst, 1) + int(passed/limit.Every); total > most {
				t.Fatalf("%+v: %d places after %v, at most %d", limit, total, passed, most)
			}
		}
		if least := int(99 * time.Second / limit.Every); total < least {
			t.Errorf("%+v: %d places in 100 s, at least %d", limit, total, least)
		}
	}
	if granted, _, wait := (queue.Limit{}).Reserve(start.Add(time.Hour), start, 7); granted != 7 || wait != 0 {
		t.Error("no limit limits")
	}
}

// TestLimits: two workers share the limit of a relay, and the other relay is not held up.
func TestLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, slow, fast := newQueue(t, queue.Config{}), stub.New(), stub.New()
		for i := range 10 {
			enqueue(t, q, mail(t, "a@example.org"), queue.Job{Key: "slow" + strings.Repeat("x", i), Relay: "slow", Priority: 5})
			enqueue(t, q, mail(t, "b@example.org"), queue.Job{Key: "fast" + strings.Repeat("x", i)})
		}
		start, ended := time.Now(), make(chan error)
		ctx, cancel := context.WithCancel(t.Context())
		for range 2 {
			w := queue.Work(q, fast)
			w.Relays["slow"] = slow
			w.Limits = map[string]queue.Limit{"slow": {Every: 10 * time.Second, Burst: 2}}
			worker, err := w.Build()
			if err != nil {
				t.Fatal(err)
			}
			go func() { ended <- worker.Run(ctx) }()
		}
		time.Sleep(time.Second)
		if n, m := len(slow.Messages()), len(fast.Messages()); n != 2 || m != 10 {
			t.Errorf("after a second %d slow and %d fast", n, m)
		}
		time.Sleep(80*time.Second + 500*time.Millisecond - time.Since(start))
		if n := len(slow.Messages()); n != 10 {
			t.Errorf("%d slow after 80 s", n)
		}
		for i, m := range slow.Messages() {
			if at := m.Time.Sub(start); at < time.Duration(i-1)*10*time.Second {
				t.Errorf("mail %d went after %v", i, at)
			}
		}
		cancel()
		if err := errors.Join(<-ended, <-ended); err != nil {
			t.Error(err)
		}
	})
	bad := queue.Work(newQueue(t, queue.Config{}), stub.New())
	bad.Limits = map[string]queue.Limit{"slow": {Every: -1}}
	if _, err := bad.Build(); err == nil || !strings.Contains(err.Error(), "slow: every -1ns") {
		t.Error(err)
	}
}

// TestEventsLost: who reads too slowly is told so.
func TestEventsLost(t *testing.T) {
	var hub queue.Hub
	events := hub.Events(t.Context())
	for range 1 << 15 {
		hub.Tell(queue.Queued, queue.Entry{Payload: []byte("secret")})
	}
	n, last := 0, error(nil)
	for c, err := range events {
		if last = err; err == nil {
			n++
		}
		if len(c.Entry.Payload) > 0 {
			t.Fatal("the payload was told")
		}
	}
	if n != 1<<14 || !errors.Is(last, queue.ErrLost) {
		t.Errorf("%d changes, %v", n, last)
	}
}

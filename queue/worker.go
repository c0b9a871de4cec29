package queue

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport"
)

// Worker describes what sends the jobs of a queue; [Work] begins one. After Build it must not be changed. Several
// workers may run on one queue, in one process or, where the engine allows, in many.
type Worker struct {
	// Relays are the transports by the name in [Job.Relay]; the one named "" is that of Work. They stay the caller's, who
	// shuts them down after Run. A job that names another relay is parked.
	Relays map[string]transport.Transport
	// AtOnce is how many jobs are in hand at most; 0 means 64. A relay with a window keeps it full from these.
	AtOnce int
	// Lease is how long a job is another worker's to take after this one is gone; 0 means 30 seconds. A worker that lives
	// extends it.
	Lease time.Duration
	// Backoff is how long a job waits after an attempt; nil means Exponential(30s, 4h). A relay that asks for a longer wait
	// (RetryAfter) gets it.
	Backoff Backoff
	// Limits are how often mail goes to a relay, by its name, counted over all workers on the queue, which should have the
	// same. Jobs of a relay that has had its share wait in the queue and hold no other up.
	Limits map[string]Limit
	// GiveUp is the time after which a job is parked instead of tried again, from Enqueue or At on; 0 means five days.
	GiveUp time.Duration
	// OnEvent, if it is set, is told what happens to jobs. It may be called from several goroutines, and must return soon.
	OnEvent func(Event)

	queue *Queue
}

// Work begins a worker that sends over next.
func Work(q *Queue, next transport.Transport) Worker {
	return Worker{queue: q, Relays: map[string]transport.Transport{"": next}}
}

// Event is something that happened to a job.
type Event struct {
	Entry  Entry             // without Payload
	Result *transport.Result // of an attempt; nil before it, and for a job that could not be tried
	Do     Verdict           // what becomes of it, with At and Reason in Entry; Later before the attempt
	Begins bool              // the attempt begins
	Err    error             // of the attempt, or of the engine
}

// Build checks the description and returns the worker. The error joins [*envelope.FieldError]s.
func (w Worker) Build() (*Worker, error) {
	var errs []error
	bad := func(field, value, reason string) {
		errs = append(errs, &envelope.FieldError{Field: field, Value: value, Err: errors.New(reason)})
	}
	if w.queue == nil {
		bad("queue", "", "a queue is missing: begin with queue.Work")
	}
	for name, t := range w.Relays {
		if t == nil {
			bad("Relays", name, "a transport is missing")
		}
	}
	if w.AtOnce < 0 {
		bad("AtOnce", fmt.Sprint(w.AtOnce), "must not be negative")
	}
	if w.Lease < 0 {
		bad("Lease", w.Lease.String(), "must not be negative")
	}
	if w.GiveUp < 0 {
		bad("GiveUp", w.GiveUp.String(), "must not be negative")
	}
	for relay, limit := range w.Limits {
		if err := limit.check(relay); err != nil {
			errs = append(errs, err)
		}
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	const atOnce, lease, giveUp = 64, 30 * time.Second, 5 * 24 * time.Hour
	if w.AtOnce == 0 {
		w.AtOnce = atOnce
	}
	if w.Lease == 0 {
		w.Lease = lease
	}
	if w.GiveUp == 0 {
		w.GiveUp = giveUp
	}
	if w.Backoff == nil {
		w.Backoff = Exponential(lease, 4*time.Hour)
	}
	return &w, nil
}

// Run takes jobs and sends them until ctx ends; then it takes no more, waits until those in hand have ended, and returns
// nil. Another error is the engine's. It may run several times, one after the other.
func (w *Worker) Run(ctx context.Context) error {
	err := w.run(ctx, true)
	if ctx.Err() != nil && errors.Is(err, context.Cause(ctx)) {
		return nil
	}
	return err
}

// RunDue sends the jobs that are due now, also those that become due while it does, and returns. It is for tests and for
// programs that are started at times.
func (w *Worker) RunDue(ctx context.Context) error { return w.run(ctx, false) }

func (w *Worker) run(ctx context.Context, wait bool) error {
	r := &run{Worker: w, room: make(chan struct{}, w.AtOnce), lanes: map[lane]chan *job{}, over: make(chan *job, w.AtOnce), inHand: map[*job]bool{}, ended: make(chan struct{}, 1)}
	stop := make(chan struct{})
	var extending, settling sync.WaitGroup
	extending.Go(func() { r.extend(ctx, stop) })
	settling.Go(func() { r.settleAll(ctx) })
	err := r.takeAll(ctx, wait)
	r.closeLanes()
	close(r.over)
	settling.Wait()
	close(stop)
	extending.Wait()
	return errors.Join(err, r.failed)
}

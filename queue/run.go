package queue

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"time"

	"github.com/depeche-mail/depeche/ledger"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/policy"
)

// run is a worker at work. Each relay has a lane for each guarantee, in which one SendAll sends what comes, so that a
// connection of the relay stays full.
type run struct {
	*Worker

	room   chan struct{} // one for each job in hand
	lanes  map[lane]chan *job
	open   sync.WaitGroup // lanes
	over   chan *job      // ended, to be settled
	ended  chan struct{}  // a job has left
	failed error          // of the engine, when settling

	mu     sync.Mutex
	inHand map[*job]bool
}

type lane struct {
	relay     string
	guarantee policy.Guarantee
}

// job is a job in hand.
type job struct {
	taken  Taken
	mail   transport.Mail
	result *transport.Result
	err    error
	settle Settlement
}

// takeAll takes jobs while there is room for them. If wait is false it ends when none is due and none is in hand.
func (r *run) takeAll(ctx context.Context, wait bool) error {
	for {
		free, err := r.waitRoom(ctx)
		if err != nil {
			return err
		}
		taken, err := r.queue.engine.Take(ctx, Request{Most: free, Lease: r.Lease, Wait: wait, Limits: r.Limits})
		for range free - len(taken) {
			<-r.room
		}
		if err != nil {
			return err
		}
		if len(taken) == 0 && !wait {
			if r.idle() {
				return nil
			}
			if err := r.waitOne(ctx); err != nil { // what is in hand may put a job back that is due at once
				return err
			}
		}
		for _, t := range taken {
			r.begin(ctx, t)
		}
	}
}

// waitRoom waits until there is room for a job, and takes all room that there is.
func (r *run) waitRoom(ctx context.Context) (free int, err error) {
	select {
	case r.room <- struct{}{}:
		free++
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	}
	for free < r.AtOnce {
		select {
		case r.room <- struct{}{}:
			free++
		default:
			return free, nil
		}
	}
	return free, nil
}

// waitOne waits until a job that is in hand has ended.
func (r *run) waitOne(ctx context.Context) error {
	select {
	case <-r.ended:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (r *run) idle() bool { return r.count() == 0 }

func (r *run) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.inHand)
}

// begin puts a job into the lane of its relay, or ends it at once.
func (r *run) begin(ctx context.Context, t Taken) {
	j := &job{taken: t}
	r.mu.Lock()
	r.inHand[j] = true
	r.mu.Unlock()
	e := t.Entry
	park := func(reason string) {
		j.settle, j.err = Settlement{Do: Park, Reason: reason}, errors.New(reason)
		r.over <- j
	}
	next, known := r.Relays[e.Relay]
	if !e.Expires.IsZero() && !time.Now().Before(e.Expires) {
		park("expired at " + e.Expires.UTC().Format(time.RFC3339))
		return
	}
	if !known {
		park(fmt.Sprintf("the worker has no relay %q (Worker.Relays)", e.Relay))
		return
	}
	plain, err := r.queue.sealer.open(e.Payload, e.Key)
	if err == nil {
		j.mail, err = decode(plain)
	}
	if err != nil {
		park(err.Error())
		return
	}
	j.mail = transport.WithKey(j.mail, e.Key)
	to, err := r.lane(ctx, lane{e.Relay, e.Guarantee}, next)
	if err != nil {
		park(err.Error())
		return
	}
	r.tell(Event{Entry: e, Begins: true})
	to <- j
}

// lane returns the way to a relay, which is opened when it is first needed.
func (r *run) lane(ctx context.Context, l lane, next transport.Transport) (chan<- *job, error) {
	if to, ok := r.lanes[l]; ok {
		return to, nil
	}
	// What is below stays the caller's: Once is not shut down, and what it sends over is not closed.
	once, err := ledger.Once{Next: next, Ledger: r.queue.engine.Ledger(), Guarantee: l.guarantee}.Build()
	if err != nil {
		return nil, err
	}
	to := make(chan *job, r.AtOnce)
	r.lanes[l] = to
	r.open.Go(func() { r.serve(context.WithoutCancel(ctx), once, to) })
	return to, nil
}

// serve sends what comes down a lane until it is closed. Every job comes back once.
func (r *run) serve(ctx context.Context, t transport.Transport, jobs <-chan *job) {
	var mu sync.Mutex
	given, n := map[int]*job{}, 0
	var feed iter.Seq[transport.Mail] = func(yield func(transport.Mail) bool) {
		for j := range jobs {
			mu.Lock()
			given[n] = j
			n++
			mu.Unlock()
			if !yield(j.mail) {
				return
			}
		}
	}
	for sent, err := range transport.SendAll(ctx, t, feed) {
		mu.Lock()
		j := given[sent.Index]
		delete(given, sent.Index)
		mu.Unlock()
		if j == nil {
			continue
		}
		j.result, j.err = sent.Result, err
		j.settle = r.judge(j.taken.Entry, sent.Result, err, time.Now())
		j.settle.Outcome = worst(sent.Result)
		r.over <- j
	}
}

func (r *run) closeLanes() {
	for _, to := range r.lanes {
		close(to)
	}
	r.open.Wait()
}

// settleAll tells the engine how jobs ended, many at a time. What it cannot be told ends with the lease and is tried
// again, and the ledger knows what was sent.
func (r *run) settleAll(ctx context.Context) {
	for j := range r.over {
		list := []*job{j}
		for len(list) < r.AtOnce && len(r.over) > 0 {
			j, ok := <-r.over
			if !ok {
				break
			}
			list = append(list, j)
		}
		settlements := make([]Settlement, len(list))
		for i, j := range list {
			j.settle.Taken, j.settle.Reason = j.taken, clean(j.settle.Reason)
			settlements[i] = j.settle
		}
		err := r.queue.engine.Settle(context.WithoutCancel(ctx), settlements)
		if err != nil && !errors.Is(err, ErrLease) {
			r.failed = err
		}
		for _, j := range list {
			r.leave(ctx, j)
		}
	}
}

// leave lets a job out of hand.
func (r *run) leave(ctx context.Context, j *job) {
	e := j.taken.Entry
	e.Reason, e.Outcome = j.settle.Reason, j.settle.Outcome
	if j.settle.Do == Later {
		e.At = j.settle.At
	}
	r.tell(Event{Entry: e, Result: j.result, Do: j.settle.Do, Err: j.err})
	j.tellVerdict(ctx, e)
	r.mu.Lock()
	delete(r.inHand, j)
	r.mu.Unlock()
	<-r.room
	select {
	case r.ended <- struct{}{}:
	default:
	}
}

func (r *run) tell(e Event) {
	if r.OnEvent == nil {
		return
	}
	e.Entry.Payload = nil
	r.OnEvent(e)
}

// extend keeps the leases of the jobs in hand.
func (r *run) extend(ctx context.Context, stop <-chan struct{}) {
	const parts = 3 // of a lease: two may fail
	ticks := time.NewTicker(max(r.Lease/parts, time.Millisecond))
	defer ticks.Stop()
	for {
		select {
		case <-ticks.C:
		case <-stop:
			return
		}
		r.mu.Lock()
		list := make([]Taken, 0, len(r.inHand))
		for j := range r.inHand {
			list = append(list, j.taken)
		}
		r.mu.Unlock()
		if len(list) > 0 { // one that has ended is another's by now; the ledger decides who sends
			_ = r.queue.engine.Extend(context.WithoutCancel(ctx), list, r.Lease)
		}
	}
}

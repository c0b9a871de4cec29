package policy

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"sync"

	"github.com/depeche-mail/depeche/internal/panics"
	"github.com/depeche-mail/depeche/transport"
)

// underWay is how many mails of one SendAll a compound has under way. It bounds the memory that mails
// take which wait for another attempt.
const underWay = 256

// errStopped is why a mail was not sent when a SendAll below ended before its time.
var errStopped = errors.New("the transport stopped taking mails")

// SendAll takes each mail through its plan. What is below gets the mails as a sequence too, so that a
// relay with connections full of mails in flight keeps them full.
func (c *compound) SendAll(ctx context.Context, mails iter.Seq[transport.Mail]) iter.Seq2[transport.BulkResult, error] {
	return func(yield func(transport.BulkResult, error) bool) {
		if c.failFast {
			ctx = transport.WithFailFast(ctx)
		}
		transport.RunBulk(ctx, mails, yield, func(jobs <-chan transport.BulkResult, ended func(transport.BulkResult, error)) {
			limit := cmp.Or(c.limit, underWay)
			r := &bulkRun{compound: c, ended: ended, room: make(chan struct{}, limit)}
			for range c.over {
				r.queues = append(r.queues, make(chan *bulkItem, limit))
			}
			r.dispatch(ctx, jobs)
		})
	}
}

// bulkRun is one SendAll. Each transport below has a queue, and a mail goes from queue to queue as its
// plan says. A queue has room for all mails under way, so that no goroutine waits for a queue to put a mail
// into another.
type bulkRun struct {
	*compound
	ended  func(transport.BulkResult, error)
	caught panics.Catcher // what functions of the caller did not return from
	room   chan struct{}  // one for each mail under way
	queues []chan *bulkItem
	open   sync.WaitGroup // mails under way
}

type bulkItem struct {
	*delivery
	sent     transport.BulkResult
	prepared sync.WaitGroup // while the plan is being prepared
}

func (r *bulkRun) dispatch(ctx context.Context, jobs <-chan transport.BulkResult) {
	var servers sync.WaitGroup
	for i, queue := range r.queues {
		servers.Go(func() { r.serve(ctx, r.over[i], queue) })
	}
	defer r.caught.Rethrow()
	defer func() { // also when a function of the caller ends this goroutine: the mails under way must end first
		r.open.Wait()
		for _, queue := range r.queues {
			close(queue)
		}
		servers.Wait()
	}()
	if r.ahead > 1 {
		r.takeAhead(ctx, jobs)
	} else {
		r.take(ctx, jobs, func(m *bulkItem) { r.advance(ctx, m) }, func() {})
	}
}

// take lets mails in and gives them on as there is room for them. It calls idle when it has to wait for the caller's next mail.
func (r *bulkRun) take(ctx context.Context, jobs <-chan transport.BulkResult, on func(*bulkItem), idle func()) {
	failed := r.caught.Failed()
	for {
		var sent transport.BulkResult
		ok := false
		if len(jobs) == 0 {
			idle()
		}
		select {
		case sent, ok = <-jobs:
		case <-failed:
		}
		if !ok {
			return
		}
		var e *delivery
		var refused *attempt
		if !r.caught.Do(func() { e, refused = r.start(ctx, sent.Mail) }) {
			return // it has no envelope to report
		}
		if refused != nil {
			sent.Result = refused.result
			r.ended(sent, refused.err())
			continue
		}
		r.room <- struct{}{}
		r.open.Add(1)
		on(&bulkItem{delivery: e, sent: sent})
	}
}

// errPanicked is why a mail goes no further whose plan panicked.
var errPanicked = errors.New("a function of the plan did not return")

// guarded runs code that calls functions of the caller. When they do not return, the mail ends with what is
// certain of it.
func (r *bulkRun) guarded(m *bulkItem, f func()) (returned bool) {
	defer func() {
		if !returned {
			m.attempts.stop(transport.PhaseWait, errPanicked)
			r.finish(m)
		}
	}()
	return r.caught.Do(f)
}

// advance puts a mail into the queue of its next step, or takes it out at its end.
func (r *bulkRun) advance(ctx context.Context, m *bulkItem) {
	more := false
	if !r.guarded(m, func() { more = m.advance(ctx) }) {
		return
	}
	switch {
	case !more:
		r.finish(m)
	case !m.step.waits():
		r.queues[m.step.over] <- m
	default:
		go func() {
			skipped, err := r.pause(ctx, m.delivery)
			switch {
			case err == nil:
				r.queues[m.step.over] <- m
			case skipped:
				r.advance(ctx, m)
			default:
				r.finish(m)
			}
		}()
	}
}

func (r *bulkRun) finish(m *bulkItem) {
	var err error
	m.sent.Result, err = m.attempts.end()
	r.leave()
	r.ended(m.sent, err)
	<-r.room
	r.open.Done()
}

// serve gives the mails of a queue to a transport until the queue is closed. Each of them comes back
// once, whatever the transport does.
func (r *bulkRun) serve(ctx context.Context, t transport.Transport, queue <-chan *bulkItem) {
	g := inFlight{mails: map[int]*bulkItem{}}
	gone := make(chan struct{}) // closed when a function of the caller ends the goroutine that is in back
	leave := sync.OnceFunc(func() { close(gone) })
	back := func(m *bulkItem, of *attempt) {
		stays := false
		defer func() {
			if !stays {
				leave() // t must not wait for mails that a queue without a server will not get
			}
		}()
		if r.guarded(m, func() { m.record(of) }) {
			r.advance(ctx, m)
		}
		stays = true
	}
	stopped := func(m *bulkItem) {
		cause := errStopped
		if ctx.Err() != nil {
			cause = context.Cause(ctx)
		}
		back(m, unsent(ctx, m.mail, transport.PhaseWait, cause))
	}
	mails := func(yield func(transport.Mail) bool) {
		for {
			var m *bulkItem
			var ok bool
			select {
			case m, ok = <-queue:
			case <-gone:
			}
			if !ok {
				return
			}
			mail := m.mail // before it is given: it may be back at once
			if !g.give(m) {
				stopped(m)
				return
			}
			if !yield(mail) {
				return
			}
		}
	}
	served := false
	defer func() {
		if !served { // the goroutine was ended by a function of the caller
			r.abandon(&g, queue)
		}
	}()
	r.caught.Do(func() {
		for sent, err := range transport.SendAll(ctx, t, mails) {
			if m := g.take(sent.Index); m != nil {
				back(m, validateResult(ctx, m.mail, sent.Result, err))
			}
		}
	})
	g.end()
	for m := g.any(); m != nil; m = g.any() { // given and not reported: unknown
		back(m, validateResult(ctx, m.mail, nil, errStopped))
	}
	for m := range queue {
		stopped(m)
	}
	served = true
}

// abandon ends the mails of a queue that is no longer served: those that were given to its transport, of which
// nothing is known, and those that come until the queue is closed.
func (r *bulkRun) abandon(g *inFlight, queue <-chan *bulkItem) {
	g.end()
	for m := g.any(); m != nil; m = g.any() {
		m.record(validateResult(context.Background(), m.mail, nil, errPanicked))
		m.drop()
		r.finish(m)
	}
	for m := range queue {
		m.drop()
		m.attempts.stop(transport.PhaseWait, errPanicked)
		r.finish(m)
	}
}

// inFlight are the mails that a transport has taken and not reported yet, by their number.
type inFlight struct {
	mu    sync.Mutex
	mails map[int]*bulkItem
	next  int
	ended bool
}

// give enters a mail; false means that the transport takes no more.
func (g *inFlight) give(m *bulkItem) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.ended {
		return false
	}
	g.mails[g.next] = m
	g.next++
	return true
}

// take removes a mail; nil means that no mail of this number is there any more.
func (g *inFlight) take(number int) *bulkItem {
	g.mu.Lock()
	defer g.mu.Unlock()
	m := g.mails[number]
	delete(g.mails, number)
	return m
}

// end lets no more mails in.
func (g *inFlight) end() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.ended = true
}

// any removes one of the mails that are left; nil means that all are gone. Taken one by one, a mail is ended once, also
// when what is done with it does not return.
func (g *inFlight) any() *bulkItem {
	g.mu.Lock()
	defer g.mu.Unlock()
	for number, m := range g.mails {
		delete(g.mails, number)
		return m
	}
	return nil
}

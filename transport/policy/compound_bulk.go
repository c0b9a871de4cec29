package policy

import (
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
		transport.RunBulk(ctx, mails, yield, func(jobs <-chan transport.BulkResult, ended func(transport.BulkResult, error)) {
			r := &run{compound: c, ended: ended, room: make(chan struct{}, underWay)}
			for range c.over {
				r.lanes = append(r.lanes, make(chan *bulkItem, underWay))
			}
			r.work(ctx, jobs)
		})
	}
}

// run is one SendAll. Each transport below has a lane, and a mail goes from lane to lane as its
// plan says. A lane has room for all mails under way, so that no goroutine waits for a lane to put a mail
// into another.
type run struct {
	*compound
	ended  func(transport.BulkResult, error)
	caught panics.Catcher // what functions of the caller did not return from
	room   chan struct{}  // one for each mail under way
	lanes  []chan *bulkItem
	open   sync.WaitGroup // mails under way
}

type bulkItem struct {
	*delivery
	sent     transport.BulkResult
	prepared sync.WaitGroup // while the plan is being prepared
}

func (r *run) work(ctx context.Context, jobs <-chan transport.BulkResult) {
	var lanes sync.WaitGroup
	for i, lane := range r.lanes {
		lanes.Go(func() { r.serve(ctx, r.over[i], lane) })
	}
	defer r.caught.Rethrow()
	defer func() { // also when a function of the caller ends this goroutine: the mails under way must end first
		r.open.Wait()
		for _, lane := range r.lanes {
			close(lane)
		}
		lanes.Wait()
	}()
	if r.ahead > 1 {
		r.prepareAhead(ctx, jobs)
	} else {
		r.take(ctx, jobs, func(m *bulkItem) { r.advance(ctx, m) })
	}
}

// take lets mails in and gives them on as there is room for them.
func (r *run) take(ctx context.Context, jobs <-chan transport.BulkResult, on func(*bulkItem)) {
	failed := r.caught.Failed()
	for {
		var sent transport.BulkResult
		ok := false
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
			r.ended(sent, refused.err)
			continue
		}
		r.room <- struct{}{}
		r.open.Add(1)
		on(&bulkItem{delivery: e, sent: sent})
	}
}

// prepareAhead is take for plans that are prepared, several at the same time. The mails go on in their
// order.
func (r *run) prepareAhead(ctx context.Context, jobs <-chan transport.BulkResult) {
	todo, inOrder := make(chan *bulkItem, r.ahead), make(chan *bulkItem, 2*r.ahead)
	var workers sync.WaitGroup
	for range r.ahead {
		workers.Go(func() {
			defer func() { // after a step that ended this goroutine
				for m := range todo {
					m.prepared.Done()
				}
			}()
			for m := range todo {
				r.prepare(ctx, m)
			}
		})
	}
	workers.Go(func() {
		defer func() { // after a function of the caller that ended this goroutine
			for m := range inOrder {
				m.prepared.Wait()
				m.account.stop(transport.PhaseWait, errPanicked)
				r.finish(m)
			}
		}()
		for m := range inOrder {
			m.prepared.Wait()
			r.advance(ctx, m)
		}
	})
	defer func() {
		close(todo)
		close(inOrder)
		workers.Wait()
	}()
	r.take(ctx, jobs, func(m *bulkItem) {
		m.prepared.Add(1)
		inOrder <- m
		todo <- m
	})
}

// prepare prepares the plan of a mail. When that panics, the mail meets the panic again when it advances.
func (r *run) prepare(ctx context.Context, m *bulkItem) {
	defer m.prepared.Done()
	if p, ok := m.plan.(preparable); ok {
		r.caught.Do(func() { p.prepare(ctx, m.account) })
	}
}

// errPanicked is why a mail goes no further whose plan panicked.
var errPanicked = errors.New("a function of the plan did not return")

// guarded runs code that calls functions of the caller. When they do not return, the mail ends with what is
// certain of it.
func (r *run) guarded(m *bulkItem, f func()) (returned bool) {
	defer func() {
		if !returned {
			m.account.stop(transport.PhaseWait, errPanicked)
			r.finish(m)
		}
	}()
	return r.caught.Do(f)
}

// advance puts a mail into the lane of its next step, or takes it out at its end.
func (r *run) advance(ctx context.Context, m *bulkItem) {
	more := false
	if !r.guarded(m, func() { more = m.advance(ctx) }) {
		return
	}
	switch {
	case !more:
		r.finish(m)
	case m.step.wait <= 0:
		r.lanes[m.step.over] <- m
	default:
		go func() {
			if r.pause(ctx, m.delivery) != nil {
				r.finish(m)
				return
			}
			r.lanes[m.step.over] <- m
		}()
	}
}

func (r *run) finish(m *bulkItem) {
	var err error
	m.sent.Result, err = m.account.end()
	r.leave()
	r.ended(m.sent, err)
	<-r.room
	r.open.Done()
}

// serve gives the mails of a lane to a transport until the lane is closed. Each of them comes back
// once, whatever the transport does.
func (r *run) serve(ctx context.Context, t transport.Transport, lane <-chan *bulkItem) {
	g := inFlight{mails: map[int]*bulkItem{}}
	gone := make(chan struct{}) // closed when a function of the caller ends the goroutine that is in back
	leave := sync.OnceFunc(func() { close(gone) })
	back := func(m *bulkItem, of *attempt) {
		stays := false
		defer func() {
			if !stays {
				leave() // t must not wait for mails that a lane without a server will not get
			}
		}()
		if r.guarded(m, func() { m.back(of) }) {
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
			case m, ok = <-lane:
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
			r.abandon(&g, lane)
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
	for m := range lane {
		stopped(m)
	}
	served = true
}

// abandon ends the mails of a lane that is no longer served: those that were given to its transport, of which
// nothing is known, and those that come until the lane is closed.
func (r *run) abandon(g *inFlight, lane <-chan *bulkItem) {
	g.end()
	for m := g.any(); m != nil; m = g.any() {
		m.back(validateResult(context.Background(), m.mail, nil, errPanicked))
		r.finish(m)
	}
	for m := range lane {
		m.account.stop(transport.PhaseWait, errPanicked)
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

// take removes a mail; nil means that there is none of this number, or none any more.
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

// any removes one of the mails that are left; nil means that there is none. Taken one by one, a mail is ended once, also
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

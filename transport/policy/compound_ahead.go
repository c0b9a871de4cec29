package policy

import (
	"context"
	"sync"

	"github.com/depeche-mail/depeche/transport"
)

// mostTogether is how many mails are handed to a goroutine at once, at most: to hand over costs as much as all else that
// is done for a mail which needs no preparation.
const mostTogether = 16

// prepareAhead is take for plans that are prepared, several at the same time. The mails go on in their order.
func (r *bulkRun) prepareAhead(ctx context.Context, jobs <-chan transport.BulkResult) {
	todo, inOrder := make(chan []*bulkItem, r.ahead), make(chan []*bulkItem, 2*r.ahead)
	var workers sync.WaitGroup
	for range r.ahead {
		workers.Go(func() { r.prepareEach(ctx, todo) })
	}
	workers.Go(func() { r.advanceEach(ctx, inOrder) })
	var together []*bulkItem
	handOver := func() {
		if len(together) > 0 {
			inOrder <- together
			todo <- together
			together = nil
		}
	}
	defer func() {
		handOver()
		close(todo)
		close(inOrder)
		workers.Wait()
	}()
	r.take(ctx, jobs, func(m *bulkItem) {
		m.prepared.Add(1)
		together = append(together, m)
		// Each goroutine gets a share of what waits, so that none is idle while another has many to do.
		if len(together) >= min(mostTogether, 1+len(jobs)/(2*r.ahead)) {
			handOver()
		}
	}, handOver)
}

// prepareEach prepares mails until there are no more.
func (r *bulkRun) prepareEach(ctx context.Context, todo <-chan []*bulkItem) {
	var rest []*bulkItem
	defer func() { // after a step that ended this goroutine
		for ok := true; ok; rest, ok = <-todo {
			for _, m := range rest {
				m.prepared.Done()
			}
		}
	}()
	for rest = range todo {
		for len(rest) > 0 {
			m := rest[0]
			rest = rest[1:]
			r.prepare(ctx, m)
		}
	}
}

// prepare prepares the plan of a mail. When that panics, the mail meets the panic again when it advances.
func (r *bulkRun) prepare(ctx context.Context, m *bulkItem) {
	defer m.prepared.Done()
	if p, ok := m.plan.(preparable); ok {
		r.caught.Do(func() { p.prepare(ctx, m.attempts) })
	}
}

// advanceEach lets mails go on in their order, each when it is prepared.
func (r *bulkRun) advanceEach(ctx context.Context, inOrder <-chan []*bulkItem) {
	var rest []*bulkItem
	defer func() { // after a function of the caller that ended this goroutine
		for ok := true; ok; rest, ok = <-inOrder {
			for _, m := range rest {
				m.prepared.Wait()
				m.attempts.stop(transport.PhaseWait, errPanicked)
				r.finish(m)
			}
		}
	}()
	for rest = range inOrder {
		for len(rest) > 0 {
			m := rest[0]
			rest = rest[1:]
			m.prepared.Wait()
			r.advance(ctx, m)
		}
	}
}

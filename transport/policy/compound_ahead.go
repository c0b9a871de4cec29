package policy

import (
	"context"
	"sync"
	"time"

	"github.com/depeche-mail/depeche/transport"
)

// mostTogether is how many mails are handed to a goroutine at once, at most: to hand over costs as much as all else that
// is done for a mail which needs no preparation.
const mostTogether = 16

// preparing measures what it takes to prepare a mail.
type preparing struct{ average time.Duration }

const (
	// slow is what a preparation takes on average that is worth another goroutine: several times of what handing over costs.
	slow = 10 * time.Microsecond
	// counted is the most that one preparation counts as, so that an interruption by the system or the garbage collector
	// makes no preparation slow, but two that are slow do.
	counted = 6 * slow
)

// tell enters how long the preparation of a mail took, and reports whether preparations are slow.
func (p *preparing) tell(took time.Duration) bool {
	p.average += (min(took, counted) - p.average) / 8
	return p.average > slow
}

// takeAhead is take for plans that are prepared, several at the same time. The mails go on in their order.
func (r *bulkRun) takeAhead(ctx context.Context, jobs <-chan transport.BulkResult) {
	var line *lineUp // nil while mails are prepared where they are taken
	begin := func() { line = r.lineUp(ctx, jobs) }
	defer func() {
		if line != nil {
			line.close()
		}
	}()
	if !r.aheadIfSlow {
		begin()
	}
	var cost preparing
	r.take(ctx, jobs, func(m *bulkItem) {
		if line != nil {
			line.add(m)
			return
		}
		began := time.Now()
		r.advance(ctx, m)
		if cost.tell(time.Since(began)) {
			begin()
		}
	}, func() {
		if line != nil {
			line.handOver()
		}
	})
}

// lineUp hands mails to the goroutines that prepare them, and to the one that lets them go on in their order.
type lineUp struct {
	jobs          <-chan transport.BulkResult // what waits to be added
	todo, inOrder chan []*bulkItem
	workers       sync.WaitGroup
	together      []*bulkItem // what is handed over next
}

func (r *bulkRun) lineUp(ctx context.Context, jobs <-chan transport.BulkResult) *lineUp {
	l := &lineUp{jobs: jobs, todo: make(chan []*bulkItem, r.ahead), inOrder: make(chan []*bulkItem, 2*r.ahead)}
	for range r.ahead {
		l.workers.Go(func() { r.prepareEach(ctx, l.todo) })
	}
	l.workers.Go(func() { r.advanceEach(ctx, l.inOrder) })
	return l
}

func (l *lineUp) add(m *bulkItem) {
	m.prepared.Add(1)
	l.together = append(l.together, m)
	// Each goroutine gets a share of what waits, so that none is idle while another has many to do.
	if len(l.together) >= min(mostTogether, 1+len(l.jobs)/cap(l.inOrder)) {
		l.handOver()
	}
}

func (l *lineUp) handOver() {
	if len(l.together) > 0 {
		l.inOrder <- l.together
		l.todo <- l.together
		l.together = nil
	}
}

// close hands over what is left, and waits for the goroutines.
func (l *lineUp) close() {
	l.handOver()
	close(l.todo)
	close(l.inOrder)
	l.workers.Wait()
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

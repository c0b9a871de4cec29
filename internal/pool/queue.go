package pool

import (
	"container/list"
	"context"
	"slices"
	"time"
)

// Bulk is a user that takes many resources, one user among others: it gets one where several wait, and is asked to give
// one back while others wait; see [Lease.Wanted].
type Bulk[R any] struct {
	pool    *Pool[R]
	waiters list.List // of *waiter[R], in order of arrival
	held    int       // resources it has, or may open
	served  uint64    // its last turn
}

// Bulk returns a new user that takes many resources.
func (p *Pool[R]) Bulk() *Bulk[R] { return &Bulk[R]{pool: p} }

// Get is [Pool.Get] for a bulk. MaxWaiting does not concern it.
func (b *Bulk[R]) Get(ctx context.Context) (*Lease[R], error) {
	return b.pool.get(ctx, wish[R]{bulk: b})
}

// waiter is a user in the queue. It is given a resource, the right to open one, or an error.
type waiter[R any] struct {
	ready chan struct{} // closed when w has left the queue
	bulk  *Bulk[R]      // nil for a single user
	place *list.Element // in the queue
	lease *Lease[R]
	err   error
}

// queue has those who wait: single users in the order in which they came, and bulks. Where both wait, they take turns,
// so that neither starves; among bulks the one that has least is next.
type queue[R any] struct {
	single list.List  // of *waiter[R]
	bulks  []*Bulk[R] // those that wait
	turns  uint64
	bulk   int  // waiters of bulks
	other  bool // it is the turn of a bulk
}

func (q *queue[R]) len() int { return q.single.Len() + q.bulk }

// add lets a user in, at the end or, one that was served in vain, at the front.
func (q *queue[R]) add(w *waiter[R], front bool) {
	at := &q.single
	if w.bulk != nil {
		at = &w.bulk.waiters
		q.bulk++
		if at.Len() == 0 {
			q.bulks = append(q.bulks, w.bulk)
		}
	}
	if front {
		w.place = at.PushFront(w)
	} else {
		w.place = at.PushBack(w)
	}
}

// remove takes a user out.
func (q *queue[R]) remove(w *waiter[R]) {
	if w.bulk == nil {
		q.single.Remove(w.place)
		return
	}
	w.bulk.waiters.Remove(w.place)
	q.bulk--
	if w.bulk.waiters.Len() == 0 {
		q.bulks = slices.DeleteFunc(q.bulks, func(b *Bulk[R]) bool { return b == w.bulk })
	}
}

// next returns the user whose turn it is, or nil.
func (q *queue[R]) next() *waiter[R] {
	from := &q.single
	if from.Len() == 0 || q.bulk > 0 && q.other {
		b := q.poorest()
		if b == nil {
			return nil
		}
		from = &b.waiters
	}
	return from.Front().Value.(*waiter[R]) //nolint:forcetypeassert // the lists hold nothing else
}

// poorest returns the bulk that has least; of several the one whose last turn is longest ago.
func (q *queue[R]) poorest() *Bulk[R] {
	var least *Bulk[R]
	for _, b := range q.bulks {
		if least == nil || b.held < least.held || b.held == least.held && b.served < least.served {
			least = b
		}
	}
	return least
}

// serve takes out a user who got what it waited for.
func (q *queue[R]) serve(w *waiter[R]) {
	q.remove(w)
	q.other = w.bulk == nil
	if w.bulk != nil {
		q.turns++
		w.bulk.served = q.turns
	}
}

// slice is how long a bulk may keep a resource while another one waits.
const slice = time.Second

// Wanted reports whether the bulk that has the resource should give it back, because others wait: for a single user at
// once, for a bulk that has less, or another worker of its own, after a second. As many are asked as wait.
func (l *Lease[R]) Wanted() bool {
	p := l.pool
	g := p.group
	if g.singles.Load() == 0 && (g.bulks.Load() == 0 || time.Since(l.got) < slice) {
		return false
	}
	p.mu.Lock()
	defer p.unlock()
	if l.promised {
		return true
	}
	if g.wants(l) {
		l.promised = true
		g.promised++
	}
	return l.promised
}

// mayHave reports whether a bulk of a pool that waits should have a resource of another one: it, or its pool, has less, or
// it is the same bulk, which has more workers.
func (p *Pool[R]) mayHave(l *Lease[R]) bool {
	switch q := &p.queue; {
	case q.bulk == 0 || l.bulk == nil || time.Since(l.got) < slice:
		return false
	case p != l.pool:
		return p.held() < l.pool.held()
	default:
		return l.bulk.waiters.Len() > 0 || q.poorest().held < l.bulk.held
	}
}

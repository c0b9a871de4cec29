package pool

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Group is several pools whose resources are of one provider. They share what it has refused, and MaxOpen of each counts the
// resources of all; no pool hands out those of another. The zero Group is ready.
//
// A pool whose users wait gets a place of one that has more, or has idle ones: those are closed, and it opens its own.
type Group[R any] struct {
	mu       sync.Mutex // of all its pools
	pools    []*Pool[R] // those that have not ended
	limit    limit
	promised int    // resources in use that will come back because others wait
	turns    uint64 // of users who were served

	singles, bulks atomic.Int32 // users who wait and were promised nothing
}

func (g *Group[R]) join(p *Pool[R]) {
	g.mu.Lock()
	defer g.mu.Unlock()
	p.group, p.mu, p.limit = g, &g.mu, &g.limit
	g.pools = append(g.pools, p)
}

// counts are the resources of all pools of a group, and the users who wait.
type counts struct{ open, opening, leaving, singles, bulks int }

func (g *Group[R]) count() (n counts) {
	for _, p := range g.pools {
		n.open += len(p.idle) + len(p.busy)
		n.opening += p.opening
		n.leaving += len(p.leaving.open)
		n.singles += p.queue.single.Len()
		n.bulks += p.queue.bulk
	}
	return n
}

// Stats returns the figures of the pools that have not ended, together.
func (g *Group[R]) Stats() (all Stats) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, p := range g.pools {
		s := p.figures()
		all.Limit = s.Limit
		all.Idle, all.Busy, all.Opening, all.Waiting = all.Idle+s.Idle, all.Busy+s.Busy, all.Opening+s.Opening, all.Waiting+s.Waiting
		all.Opened, all.Failed, all.Refused = all.Opened+s.Opened, all.Failed+s.Failed, all.Refused+s.Refused
		all.Reused, all.Closed = all.Reused+s.Reused, all.Closed+s.Closed
		all.Waits, all.WaitTime = all.Waits+s.Waits, all.WaitTime+s.WaitTime
	}
	return all
}

// held is how many resources a pool's users have, or may open.
func (p *Pool[R]) held() int { return len(p.busy) + p.opening }

// serve gives what is free to those who wait, and looks after the idle resources of the group.
func (p *Pool[R]) serve() {
	for p.group.serveOne() {
	}
	for _, q := range p.group.pools {
		q.lookAfter()
	}
}

// serveOne gives something to one user, of the pool that has least; of several the one whose last turn is longest ago.
func (g *Group[R]) serveOne() bool {
	if len(g.pools) > 1 {
		slices.SortFunc(g.pools, func(a, b *Pool[R]) int {
			return cmp.Or(cmp.Compare(a.held(), b.held()), cmp.Compare(a.turn, b.turn))
		})
	}
	for _, p := range g.pools {
		if p.serveNext() {
			g.turns++
			p.turn = g.turns
			return true
		}
	}
	return false
}

// makeRoomInGroup gives up an idle resource of another pool where a user of p waits for a place, and that helps.
func (p *Pool[R]) makeRoomInGroup() {
	if len(p.group.pools) == 1 || !p.mayTry() {
		return
	}
	n := p.group.count()
	places := p.most() - n.open - n.opening // when those that leave are gone
	if places >= p.queue.len() {
		return
	}
	var spare *Pool[R]
	for _, q := range p.group.pools {
		if q == p || !q.spares(p) {
			continue
		}
		places += len(q.idle)
		if spare == nil || q.idle[0].since.Before(spare.idle[0].since) {
			spare = q
		}
	}
	if spare == nil || places < 1 {
		return
	}
	l := spare.idle[0]
	spare.idle = spare.idle[1:]
	spare.bury(l, MakesRoom)
}

// spares reports whether a pool has an idle resource that it does not need, or has had for long enough while single users
// wait here, or bulks in both.
func (p *Pool[R]) spares(other *Pool[R]) bool {
	switch {
	case len(p.idle) == 0:
		return false
	case p.queue.len() == 0, p.queue.single.Len() == 0 && other.queue.single.Len() > 0:
		return true
	}
	return time.Since(p.idle[0].born) >= slice
}

// wants reports whether others should have a resource that a bulk has.
func (g *Group[R]) wants(l *Lease[R]) bool {
	n := g.count()
	for _, p := range g.pools {
		switch {
		case p != l.pool && n.open+n.opening > p.most(): // one place would not help
		case n.singles > g.promised && p.queue.single.Len() > 0, n.singles+n.bulks > g.promised && p.mayHave(l):
			return true
		}
	}
	return false
}

// told is what a pool tells when the lock is free.
type told[R any] struct {
	to      *Pool[R]
	news    []news[R]
	lessons []lesson
}

// leave prepares the end of the time under the lock: it returns what is to be told then.
func (g *Group[R]) leave() (list []told[R]) {
	n, ended := g.count(), false
	for _, p := range g.pools {
		ended = ended || p.ended
		if len(p.news)+len(p.lessons) > 0 {
			list = append(list, told[R]{p, p.news, p.lessons})
			p.news, p.lessons = nil, nil
		}
	}
	g.singles.Store(int32(max(n.singles-g.promised, 0)))
	g.bulks.Store(int32(n.bulks))
	if ended {
		g.pools = slices.DeleteFunc(g.pools, func(p *Pool[R]) bool { return p.ended })
	}
	return list
}

package policy

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/depeche-mail/depeche/transport"
)

// FailoverOn says which recipients a [Failover] or [Balance] takes to the next relay. Those who are
// Accepted, Rejected or Unknown never move.
type FailoverOn uint8

const (
	// FailoverOnFault takes recipients who are NotSent, and those whom the relay deferred for a trouble of
	// its own: 421, 454, or an enhanced code 4.3.z or 4.4.z (RFC 3463).
	FailoverOnFault FailoverOn = iota
	// FailoverOnDeferred takes every recipient who is NotSent or Deferred.
	FailoverOnDeferred
)

// defaultRetryPeriod is how long a relay that failed is asked last.
const defaultRetryPeriod = time.Minute

// group is a number of relays that stand in for each other.
type group struct {
	moves   FailoverOn
	rest    time.Duration
	members []member
	pick    func(*group) []int // the relays in the order of one mail; mu is held

	mu sync.Mutex
}

// member is what a group knows of a relay.
type member struct {
	weight  int
	credit  int       // of the weighted turn
	load    int       // mails under way
	failed  time.Time // of the last fault
	resting bool
}

func newGroup(moves FailoverOn, retryPeriod time.Duration, weights []int) *group {
	g := &group{moves: moves, rest: retryPeriod, members: make([]member, len(weights)), pick: inOrder}
	if g.rest == 0 {
		g.rest = defaultRetryPeriod
	}
	for i, w := range weights {
		g.members[i].weight = w
	}
	return g
}

// build makes the transport of a group over its relays.
func (g *group) build(relays []transport.Transport) *compound {
	c := newCompound(func(transport.Mail) plan { return &failoverPlan{group: g, order: g.order()} }, relays...)
	c.ready = anyReady
	return c
}

// anyReady is the Check of relays of which one is enough.
func anyReady(ctx context.Context, relays []transport.Transport) error {
	var errs []error
	for _, t := range relays {
		err := transport.Check(ctx, t)
		if err == nil {
			return nil
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func inOrder(g *group) []int {
	order := make([]int, len(g.members))
	for i := range order {
		order[i] = i
	}
	return order
}

// order returns the relays in the order in which a mail asks them. One that failed is asked last
// until its rest is over; of several that failed the one whose fault is oldest comes first.
func (g *group) order() []int {
	g.mu.Lock()
	defer g.mu.Unlock()
	for i := range g.members {
		if m := &g.members[i]; m.resting && time.Since(m.failed) >= g.rest {
			m.resting = false
		}
	}
	order := g.pick(g)
	slices.SortStableFunc(order, func(a, b int) int {
		x, y := &g.members[a], &g.members[b]
		switch {
		case x.resting && y.resting:
			return x.failed.Compare(y.failed)
		case x.resting:
			return 1
		case y.resting:
			return -1
		}
		return 0
	})
	return order
}

func (g *group) lend(i, mails int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.members[i].load += mails
}

// back notes how an attempt over a relay went.
func (g *group) back(i int, of *attempt) {
	fault, alive := of.fault(), of.alive()
	if of.said != nil && of.result.Count(transport.Accepted) == 0 {
		fault = fault || ownTrouble(of.said.Reply)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	m := &g.members[i]
	m.load--
	switch {
	case fault:
		m.failed, m.resting = time.Now(), true
	case alive:
		m.resting = false
	}
}

// failoverPlan is the plan of a mail that goes from relay to relay.
type failoverPlan struct {
	group *group
	order []int
	asked int
}

func (p *failoverPlan) next(ctx context.Context, a *attempts) (step, bool) {
	var to []int
	if a.last == nil {
		to = a.all()
	} else {
		p.group.back(p.order[p.asked-1], a.last)
		if ctx.Err() != nil || p.asked == len(p.order) {
			return step{}, false
		}
		fault := a.last.fault()
		to = a.again(func(r *transport.RecipientResult) bool { return p.group.moves.take(r, fault) })
	}
	if len(to) == 0 {
		return step{}, false
	}
	relay := p.order[p.asked]
	p.asked++
	p.group.lend(relay, 1)
	return step{over: relay, to: to, unused: func() { p.group.lend(relay, -1) }}, true
}

// take reports whether a recipient goes on to the next relay.
func (m FailoverOn) take(r *transport.RecipientResult, fault bool) bool {
	switch r.Outcome {
	case transport.NotSent:
		return true
	case transport.Deferred:
		return m == FailoverOnDeferred || fault || ownTrouble(r.Reply)
	case transport.Accepted, transport.Rejected, transport.Unknown:
	}
	return false
}

// ownTrouble reports whether a relay that refuses for now speaks of itself.
func ownTrouble(r transport.Reply) bool {
	const noTLSNow = 454 // RFC 3207 section 4, and for a login RFC 4954 section 6
	return r.Code == closing || r.Code == noTLSNow ||
		strings.HasPrefix(r.Enhanced, "4.3.") || strings.HasPrefix(r.Enhanced, "4.4.")
}

package policy

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/depeche-mail/depeche/internal/expired"
	"github.com/depeche-mail/depeche/transport"
)

// FailoverOn says which recipients a [Failover] or [Balance] takes to the next relay. Those who are Accepted or
// Unknown never move, and neither are those whose refusal is about the recipient, the sender or the message, which
// another relay would refuse as well.
type FailoverOn uint8

const (
	// FailoverOnFault takes recipients who are NotSent, and those whose refusal, for now or for good, is about
	// the relay, the account or a policy (see transport.Fault): the next relay may have another. Recipients
	// who are Deferred move too when the relay closed the session.
	FailoverOnFault FailoverOn = iota
	// FailoverOnDeferred also takes every recipient who is Deferred, whatever the fault.
	FailoverOnDeferred
)

// defaultRetryPeriod is how long a relay that failed is asked last.
const defaultRetryPeriod = time.Minute

// group is a number of relays that stand in for each other.
type group struct {
	moves       FailoverOn
	retryPeriod time.Duration
	members     []member
	pick        func(*group) []int // the relays in the order of one mail; mu is held

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
	g := &group{moves: moves, retryPeriod: retryPeriod, members: make([]member, len(weights)), pick: inOrder}
	if g.retryPeriod == 0 {
		g.retryPeriod = defaultRetryPeriod
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
	c.failFast = len(relays) > 1
	return c
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
		if m := &g.members[i]; m.resting && time.Since(m.failed) >= g.retryPeriod {
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

func (g *group) addLoad(i, mails int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.members[i].load += mails
}

// release notes how an attempt over a relay went, and reports whether the relay rests from now on.
func (g *group) release(i int, of *attempt) (rests bool) {
	fault, alive := of.fault(), of.alive()
	if of.failure != nil && of.result.Count(transport.Accepted) == 0 {
		fault = fault || ownTrouble(of.failure.Reply) || of.failure.Fault() == transport.FaultAccount
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	m := &g.members[i]
	m.load--
	switch {
	case fault:
		rests = !m.resting
		m.failed, m.resting = time.Now(), true
	case alive:
		m.resting = false
	}
	return rests
}

// failoverPlan is the plan of a mail that goes from relay to relay.
type failoverPlan struct {
	group  *group
	order  []int
	asked  int
	onward []int // recipients for the next relay
	turn   []int // recipients for an attempt of their own over the relay that is asked now
}

func (p *failoverPlan) next(ctx context.Context, a *attempts) (step, bool) {
	if a.last == nil {
		p.onward = a.all()
	} else {
		p.noteAttempt(ctx, a)
		if expired.Cause(ctx) != nil {
			return step{}, false
		}
	}
	to := p.turn
	p.turn = nil
	if len(to) == 0 {
		to = p.advance(ctx, a)
	}
	if len(to) == 0 {
		return step{}, false
	}
	relay := p.order[p.asked-1]
	p.group.addLoad(relay, 1)
	return step{over: relay, to: to, unused: func() { p.group.addLoad(relay, -1) }}, true
}

// noteAttempt looks at the attempt before: what it says of its relay, and who of its recipients moves on.
func (p *failoverPlan) noteAttempt(ctx context.Context, a *attempts) {
	if p.group.release(p.order[p.asked-1], a.last) {
		transport.Tell(ctx, transport.Decision{
			Kind: transport.DecisionRest, Mail: a.mail, Relay: a.last.result.Relay, Wait: p.group.retryPeriod, Err: a.last.cause(),
		})
	}
	fault := a.last.fault()
	p.onward = append(p.onward, a.resendable(func(r *transport.RecipientResult) bool { return p.group.moves.take(r, fault) })...)
}

// advance makes the next relay the one that is asked, and returns its recipients. Those who are kept apart
// have their turn after them.
func (p *failoverPlan) advance(ctx context.Context, a *attempts) []int {
	to, apart := p.onward, a.takeApart()
	if p.asked == len(p.order) || len(to)+len(apart) == 0 {
		return nil
	}
	if a.last != nil {
		transport.Tell(ctx, transport.Decision{
			Kind: transport.DecisionFailover, Mail: a.mail, Relay: a.last.result.Relay, Attempt: p.asked + 1,
			Recipients: len(to) + len(apart), Err: a.lastFailure(),
		})
	}
	p.asked++
	p.onward, p.turn = nil, apart
	if len(to) == 0 {
		to, p.turn = apart, nil
	}
	slices.Sort(to)
	return to
}

// take reports whether a recipient goes on to the next relay; fault says that the attempt ended through the relay.
func (m FailoverOn) take(r *transport.RecipientResult, fault bool) bool {
	switch r.Outcome {
	case transport.NotSent:
		return true
	case transport.Deferred:
		return m == FailoverOnDeferred || fault || elsewhere(r.Fault) || ownTrouble(r.Reply)
	case transport.Rejected:
		return elsewhere(r.Fault)
	case transport.Accepted, transport.Unknown:
	}
	return false
}

// elsewhere reports whether a refusal says nothing about what another relay would say.
func elsewhere(f transport.Fault) bool {
	return f == transport.FaultRelay || f == transport.FaultAccount || f == transport.FaultPolicy
}

// ownTrouble reports whether a relay that refuses for now speaks of itself.
func ownTrouble(r transport.Reply) bool {
	const noTLSNow = 454 // RFC 3207 section 4, and for a login RFC 4954 section 6
	return r.Code == closing || r.Code == noTLSNow ||
		strings.HasPrefix(r.Enhanced, "4.3.") || strings.HasPrefix(r.Enhanced, "4.4.")
}

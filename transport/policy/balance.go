package policy

import (
	"cmp"
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/depeche-mail/depeche/transport"
)

// Strategy says how a [Balance] chooses the first relay of a mail.
type Strategy uint8

const (
	// StrategyRoundRobin lets the relays take turns, each as often as its weight says, evenly mixed.
	StrategyRoundRobin Strategy = iota
	// StrategyLeastLoaded chooses the relay with the fewest mails under way for its weight; among equals
	// they take turns.
	StrategyLeastLoaded
)

// Balance describes a transport that spreads mail over several relays. A recipient whom the chosen
// relay did not serve moves on to another one as in [Failover].
type Balance struct {
	// Relays share the mail. The transport owns them.
	Relays []transport.Transport
	// Weights are the shares of the relays, from 1 to 1000 each; nil means equal shares.
	Weights []int
	// Strategy says how the first relay is chosen.
	Strategy Strategy
	// On says which recipients move on.
	On FailoverOn
	// RetryPeriod is how long a relay that failed is asked after the others; 0 means one minute.
	RetryPeriod time.Duration
}

const maxWeight = 1000

// Build checks the description and returns the transport. The error joins [envelope.FieldError]s.
// Check succeeds when one relay is ready.
func (r Balance) Build() (transport.Transport, error) {
	var bad configErrors
	bad.relays(r.Relays, r.On, r.RetryPeriod)
	choice(&bad, "Strategy", r.Strategy, StrategyLeastLoaded)
	weights := slices.Clone(r.Weights)
	switch {
	case r.Weights == nil:
		weights = slices.Repeat([]int{1}, len(r.Relays))
	case len(r.Weights) != len(r.Relays):
		bad.add("Weights", 0, strconv.Itoa(len(r.Weights)), errors.New("want one for each relay"))
	}
	for i, w := range weights {
		if w < 1 || w > maxWeight {
			bad.add("Weights", i, strconv.Itoa(w), errors.New("want 1 to 1000"))
		}
	}
	if err := bad.err(); err != nil {
		return nil, err
	}
	g := newGroup(r.On, r.RetryPeriod, weights)
	g.pick = (*group).turn
	if r.Strategy == StrategyLeastLoaded {
		g.pick = (*group).leastLoaded
	}
	return g.build(slices.Clone(r.Relays)), nil
}

// turn picks relays by credit: each earns its weight per turn, and the richest pays for all. It
// spreads the turns of a heavy relay instead of bunching them. Relays at rest do not take part.
func (g *group) turn() []int {
	order := inOrder(g)
	total, awake := 0, false
	for i := range g.members {
		awake = awake || !g.members[i].resting
	}
	for i := range g.members {
		if m := &g.members[i]; !awake || !m.resting {
			m.credit += m.weight
			total += m.weight
		}
	}
	slices.SortStableFunc(order, func(a, b int) int {
		x, y := &g.members[a], &g.members[b]
		switch {
		case x.resting == y.resting:
			return cmp.Compare(y.credit, x.credit)
		case x.resting:
			return 1
		}
		return -1
	})
	g.members[order[0]].credit -= total
	return order
}

// leastLoaded picks relays by what they have to do, and by turns where that is the same.
func (g *group) leastLoaded() []int {
	order := g.turn()
	slices.SortStableFunc(order, func(a, b int) int {
		x, y := &g.members[a], &g.members[b]
		return cmp.Compare(x.load*y.weight, y.load*x.weight)
	})
	return order
}

package policy

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/depeche-mail/depeche/internal/expired"
	"github.com/depeche-mail/depeche/transport"
)

// pacePlan is the plan of a mail that leaves when its lane and the relay let it.
type pacePlan struct {
	*pacer

	begun bool
	skip  bool        // the step before was not taken
	todo  []paceGroup // what is left to be sent
	sent  paceGroup   // what was sent in the step before

	left    time.Time // when that left
	day     int       // of the warm-up on which it counts
	waited  time.Duration
	limited bool // it had to wait for the rate of the relay, and
	slowed  bool // of its domain

	refused time.Time // the first time
}

// paceGroup are recipients that a mail is sent to in one step.
type paceGroup struct {
	domain string // whose lane they wait in; "" for that of the relay alone
	to     []int
	again  bool // they were refused before, so they come first
}

func (p *pacePlan) next(ctx context.Context, a *attempts) (step, bool) {
	switch {
	case !p.begun:
		p.begun = true
		p.todo = p.group(a, a.all(), false)
	case p.skip:
		p.skip = false
	default:
		again, changes := p.learn(a)
		p.tell(ctx, a, changes)
		p.todo = append(p.group(a, again, true), p.todo...)
	}
	if len(p.todo) == 0 || a.last != nil && expired.Cause(ctx) != nil {
		return step{}, false
	}
	p.sent, p.todo = p.todo[0], p.todo[1:]
	t := p.enter(p.laneOf(p.sent.domain), a.soleDomain(p.sent.to), p.sent.again)
	gate := func(ctx context.Context, done <-chan struct{}) error {
		err := p.pass(ctx, done, t)
		_, p.skip = errors.AsType[*skipError](err)
		return err
	}
	return step{to: p.sent.to, gate: gate, why: "for the pace of " + p.nameLane(p.sent.domain), unused: func() { p.leave(t) }}, true
}

// pass waits in the lane of the group, and after that in the one of the relay.
func (p *pacePlan) pass(ctx context.Context, done <-chan struct{}, t *turn) error {
	begin := time.Now()
	if err := p.await(ctx, done, t); err != nil {
		return err
	}
	p.slowed, p.limited, p.day = false, t.limited, t.day
	if t.lane != p.relay {
		p.sent.domain = t.domain
		relay := p.enter(p.relay, "", true) // at once: it has waited for its place
		if err := p.await(ctx, done, relay); err != nil {
			return err
		}
		p.slowed, p.limited, p.day = t.limited, relay.limited, relay.day
	}
	p.left = time.Now()
	p.waited = p.left.Sub(begin)
	return nil
}

// group divides recipients into those who wait in lanes of their domains and the others.
func (p *pacer) group(a *attempts, to []int, again bool) []paceGroup {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.forget(time.Now())
	var list []paceGroup
	at := map[string]int{}
	for _, i := range to {
		domain := a.domain(i)
		if p.domains[domain] == nil {
			domain = ""
		}
		n, ok := at[domain]
		if !ok {
			n = len(list)
			at[domain] = n
			list = append(list, paceGroup{domain: domain, again: again})
		}
		list[n].to = append(list[n].to, i)
	}
	return list
}

// domain returns the domain of a recipient, in lower case.
func (a *attempts) domain(position int) string {
	return strings.ToLower(a.mail.Envelope().At(position).Address.Domain())
}

// soleDomain returns the domain of recipients, "" if they have several.
func (a *attempts) soleDomain(to []int) string {
	domain := a.domain(to[0])
	for _, i := range to[1:] {
		if a.domain(i) != domain {
			return ""
		}
	}
	return domain
}

// laneOf returns the lane of a domain, or the relay's.
func (p *pacer) laneOf(domain string) *paceLane {
	p.mu.Lock()
	defer p.mu.Unlock()
	if lane := p.domains[domain]; lane != nil {
		return lane
	}
	return p.relay
}

// forget closes lanes that were not refused anything for a while.
func (p *pacer) forget(now time.Time) {
	const quiet = 10 * time.Minute
	for domain, lane := range p.domains {
		if lane.waiting.Len() == 0 && now.Sub(lane.epoch) > quiet && now.After(lane.until) {
			delete(p.domains, domain)
		}
	}
}

// tooMuch reports whether a relay did not take a mail for a recipient because of itself or the account, for now.
func tooMuch(said *transport.SendError, r *transport.RecipientResult) bool {
	if r.Fault != transport.FaultRelay && r.Fault != transport.FaultAccount {
		return false
	}
	switch r.Outcome {
	case transport.Deferred:
		return true
	case transport.NotSent: // the session was refused
		switch said.Phase {
		case transport.PhaseGreeting, transport.PhaseMail:
			return said.Reply.Code/100 == 4
		case transport.PhaseAuth:
			return r.RetryAfter > 0 || r.Fault == transport.FaultRelay && said.Reply.Code/100 == 4
		}
	case transport.Accepted, transport.Rejected, transport.Unknown:
	}
	return false
}

// learn tells the lanes how the attempt before ended, and returns the recipients to whom the mail is sent again.
func (p *pacePlan) learn(a *attempts) (again []int, changes []change) {
	now, last := time.Now(), a.last
	if last.failure == nil || last.result.Count(transport.Accepted) > 0 {
		p.took(now)
	}
	if got := last.result; got.Count(transport.Accepted)+got.Count(transport.Rejected)+got.Count(transport.Unknown) == 0 {
		p.uncount(p.day)
	}
	r := refusal{left: p.left, now: now, domains: map[string]time.Duration{}}
	if last.failure != nil {
		r.said = last.cause()
		for i := range last.result.Recipients {
			if rcpt := &last.result.Recipients[i]; tooMuch(r.said, rcpt) {
				r.add(a.domain(a.lastTo[i]), rcpt)
			}
		}
	}
	if len(r.domains) > 0 {
		changes = p.refuse(&r)
		if p.refused.IsZero() {
			p.refused = now
		}
		if r.wait > p.MaxWait || now.Sub(p.refused) > p.MaxWait {
			return nil, changes
		}
	}
	beside := len(r.domains) > 0 && (last.cutShort() || withheld(r.said)) // those who were not sent the mail because of others
	return a.toSendAgain(func(rcpt *transport.RecipientResult) bool {
		return tooMuch(r.said, rcpt) || beside && rcpt.Outcome == transport.NotSent
	}), changes
}

// took tells the lanes of a mail that the relay took.
func (p *pacePlan) took(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.relay.accepted(now, p.limited)
	if p.relay.starting {
		p.relay.wakeHead()
	}
	if lane := p.domains[p.sent.domain]; lane != nil {
		lane.accepted(now, p.slowed)
		if lane.starting {
			lane.wakeHead()
		}
	}
}

// tell tells the eyes of a long wait, and of what the lanes learned.
func (p *pacePlan) tell(ctx context.Context, a *attempts, changes []change) {
	const long = 5 * time.Second
	if p.waited >= long {
		transport.Tell(ctx, transport.Decision{Kind: transport.DecisionThrottle, Mail: a.mail, Recipients: len(p.sent.to), Wait: p.waited})
	}
	for _, c := range changes {
		transport.Tell(ctx, transport.Decision{
			Kind: transport.DecisionPace, Mail: a.mail, Relay: a.last.result.Relay, Wait: c.pause, Err: c.err,
			State: fmt.Sprintf("%s: %.3g a second", p.nameLane(c.domain), c.rate),
		})
	}
}

// nameLane says whose lane it is.
func (p *pacer) nameLane(domain string) string {
	if domain != "" {
		return domain
	}
	if name := nameOf(p.Next); name != "" {
		return name
	}
	return "the relay"
}

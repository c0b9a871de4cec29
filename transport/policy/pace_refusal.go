package policy

import (
	"time"

	"github.com/depeche-mail/depeche/transport"
)

// refusal is what a relay said is too much.
type refusal struct {
	left, now time.Time // of the mail, and of the refusal
	said      *transport.SendError
	wait      time.Duration            // the longest that was asked for
	domains   map[string]time.Duration // of the recipients that it is about, with the wait for each
	account   bool                     // it is about the account
}

func (r *refusal) add(domain string, rcpt *transport.RecipientResult) {
	r.domains[domain] = max(r.domains[domain], rcpt.RetryAfter)
	r.wait = max(r.wait, rcpt.RetryAfter)
	r.account = r.account || rcpt.Fault == transport.FaultAccount
}

// change is what a lane learned, for the eyes.
type change struct {
	domain string // "" for the relay
	rate   float64
	pause  time.Duration
	err    error
}

// refuse tells the lanes. What a relay says to RCPT is about the domain, unless it says so of several; all else is about
// the relay.
func (p *pacer) refuse(r *refusal) (changes []change) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if r.said.Phase != transport.PhaseRcpt || r.account {
		return p.slow(nil, "", r, r.wait)
	}
	for domain, wait := range r.domains {
		if p.domains[domain] != nil {
			changes = p.slow(changes, domain, r, wait)
			continue
		}
		lane := &paceLane{rateFinder: rateFinder{rate: 1, max: p.relay.max, starting: true, epoch: r.now}, last: r.now, spread: 1}
		lane.pause(r.now.Add(wait))
		p.domains[domain] = lane
		changes = append(changes, lane.change(domain, r))
	}
	if p.severalRefused(r.now) {
		for domain, lane := range p.domains {
			delete(p.domains, domain)
			lane.dissolve(p.relay)
		}
		changes = p.slow(changes, "", r, r.wait)
	}
	return changes
}

// slow tells a lane, and adds what came of it to changes.
func (p *pacer) slow(changes []change, domain string, r *refusal, wait time.Duration) []change {
	lane := p.relay
	if domain != "" {
		lane = p.domains[domain]
	}
	if lane.refused(r.left, r.now, wait) {
		changes = append(changes, lane.change(domain, r))
	}
	return changes
}

func (l *paceLane) change(domain string, r *refusal) change {
	return change{domain: domain, rate: l.rate, pause: max(l.until.Sub(r.now), 0), err: r.said}
}

// severalRefused reports whether so many domains were refused at about the same time that the relay is meant.
func (p *pacer) severalRefused(now time.Time) bool {
	const (
		several = 3
		about   = 10 * time.Second
	)
	n := 0
	for _, lane := range p.domains {
		if now.Sub(lane.epoch) < about {
			n++
		}
	}
	return n >= several
}

// dissolve lets the mails of a lane go on to the one of the relay.
func (l *paceLane) dissolve(relay *paceLane) {
	for e := l.waiting.Front(); e != nil; e = l.waiting.Front() {
		t := e.Value.(*turn) //nolint:forcetypeassert // nothing else is in the list
		l.waiting.Remove(e)
		t.lane, t.place = relay, relay.waiting.PushBack(t)
		t.wakeUp()
	}
}

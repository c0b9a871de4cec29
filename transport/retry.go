package transport

import (
	"context"
	"math/rand/v2"
	"time"
)

// Certainty says what a [Retry] does with recipients whose outcome is Unknown.
type Certainty uint8

const (
	// AtMostOnce leaves what is Unknown alone: nobody gets a mail twice.
	AtMostOnce Certainty = iota
	// AtLeastOnceMayDeliverTwice sends what is Unknown again. A recipient whose first copy did arrive
	// gets a second one; both have the same Message-ID, by which some mailboxes drop one.
	AtLeastOnceMayDeliverTwice
)

// Retry describes a transport that sends a mail again to recipients who certainly did not get it:
// those who were Deferred, and those who were NotSent for a temporary reason. It waits in memory; a
// mail that must survive the process belongs in a queue.
type Retry struct {
	// Over sends the mail. The transport owns it.
	Over Transport
	// Attempts is how often a mail is sent at most, the first time included; 0 means 4.
	Attempts int
	// First and Longest bound the waits. Before attempt n+1 it waits a random time between 0 and
	// First doubled n-1 times, at most Longest: all of the time is random, so that mails that failed
	// together do not come back together. 0 means one second and one minute.
	First, Longest time.Duration
	// Within is the time after which no further attempt begins; 0 means that only Attempts and the
	// ctx of Send end it. An attempt that has begun is not cut short.
	Within time.Duration
	// Certainty says what is done about Unknown.
	Certainty Certainty
	// Policy, if it is set, is asked before a further attempt; false ends the mail. It may be called
	// from several goroutines.
	Policy func(failed *SendError) bool
}

// Build checks the description and returns the transport. The error joins [envelope.FieldError]s.
func (r Retry) Build() (Transport, error) {
	var bad faults
	bad.over("Over", r.Over)
	bad.count("Attempts", int64(r.Attempts))
	bad.duration("First", r.First)
	bad.duration("Longest", r.Longest)
	bad.duration("Within", r.Within)
	choice(&bad, "Certainty", r.Certainty, AtLeastOnceMayDeliverTwice)
	if err := bad.err(); err != nil {
		return nil, err
	}
	const attempts, first, longest = 4, time.Second, time.Minute
	if r.Attempts == 0 {
		r.Attempts = attempts
	}
	if r.First == 0 {
		r.First = first
	}
	if r.Longest == 0 {
		r.Longest = longest
	}
	return newCompound(func(Mail) plan { return &repeated{Retry: r} }, r.Over), nil
}

// repeated is the plan of a mail that is sent again.
type repeated struct {
	Retry
	begun    time.Time
	attempts int
}

func (p *repeated) next(ctx context.Context, a *account) (step, bool) {
	p.attempts++
	if a.last == nil {
		p.begun = time.Now()
		return step{to: a.all()}, true
	}
	if a.last.failed == nil || p.attempts > p.Attempts || ctx.Err() != nil {
		return step{}, false
	}
	temporary := a.last.said.Temporary()
	to := a.again(func(r *Recipient) bool {
		switch r.Outcome {
		case NotSent:
			return temporary
		case Deferred:
			return true
		case Unknown:
			return p.Certainty == AtLeastOnceMayDeliverTwice
		case Accepted, Rejected:
		}
		return false
	})
	wait := p.wait()
	switch {
	case len(to) == 0,
		p.Within > 0 && time.Since(p.begun)+wait > p.Within,
		p.Policy != nil && !p.Policy(a.last.failed):
		return step{}, false
	}
	return step{to: to, wait: wait}, true
}

// wait is a random part of a time that doubles with every attempt.
func (p *repeated) wait() time.Duration {
	most := p.First
	for range p.attempts - 2 { // the second attempt is the first that waits
		if most >= p.Longest/2 {
			most = p.Longest
			break
		}
		most *= 2
	}
	return rand.N(max(min(most, p.Longest), 1)) //nolint:gosec // nobody gains by guessing it
}

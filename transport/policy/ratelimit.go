package policy

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"time"

	"github.com/depeche-mail/depeche/transport"
)

// Rate is a number of things in a time. The zero Rate does not limit.
type Rate struct {
	// Count is how many there may be in each Per; 0 means no limit.
	Count int64
	// Per is the time; 0 means one second.
	Per time.Duration
	// Burst is how many may come at once after a pause; 0 means the number of one second, and at
	// least 1. In no Per are there more than Count and Burst together.
	Burst int64
}

// RateLimit describes a transport that sends no faster than a relay allows. Mails wait for their turn
// in the order in which they came, as long as ctx allows; a mail whose turn comes too late for its
// ctx is NotSent at once. A mail that asks for more than a burst goes when the burst is complete,
// and those after it wait for the rest. What was used for a mail that failed is gone.
//
// A limit is one relay's: give each relay its own.
type RateLimit struct {
	// Next sends the mail. The transport owns it.
	Next transport.Transport
	// Messages, Recipients and Bytes are the limits; each mail waits for all of them.
	Messages, Recipients, Bytes Rate
}

// Build checks the description and returns the transport. The error joins [envelope.FieldError]s.
func (r RateLimit) Build() (transport.Transport, error) {
	var bad configErrors
	bad.over("Next", r.Next)
	bad.rate("Messages", &r.Messages)
	bad.rate("Recipients", &r.Recipients)
	bad.rate("Bytes", &r.Bytes)
	if err := bad.err(); err != nil {
		return nil, err
	}
	l := &limiter{messages: newBucket(r.Messages), recipients: newBucket(r.Recipients), octets: newBucket(r.Bytes)}
	return newCompound(func(transport.Mail) plan { return &ratePlan{limiter: l} }, r.Next), nil
}

func (f *configErrors) rate(field string, r *Rate) {
	f.count(field+".Count", r.Count)
	f.duration(field+".Per", r.Per)
	f.count(field+".Burst", r.Burst)
	if r.Count == 0 && (r.Per != 0 || r.Burst != 0) {
		f.add(field+".Count", 0, strconv.Itoa(0), errors.New("want a number for this Per and Burst"))
	}
	if r.Per == 0 {
		r.Per = time.Second
	}
}

// limiter is what all mails of a RateLimit share.
type limiter struct {
	mu                           sync.Mutex
	messages, recipients, octets *bucket
}

// cost is what a mail takes of each limit.
type cost struct{ recipients, octets int64 }

func (l *limiter) take(c cost) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	return max(l.messages.take(now, 1), l.recipients.take(now, c.recipients), l.octets.take(now, c.octets))
}

func (l *limiter) giveBack(c cost) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.messages.giveBack(1)
	l.recipients.giveBack(c.recipients)
	l.octets.giveBack(c.octets)
}

// ratePlan is the plan of a mail that waits for its turn.
type ratePlan struct{ *limiter }

func (p *ratePlan) next(ctx context.Context, a *attempts) (step, bool) {
	if a.last != nil {
		return step{}, false
	}
	c := cost{recipients: int64(a.size)}
	if p.octets != nil {
		size, err := octetsOf(a.mail)
		if err != nil {
			a.stop(transport.PhaseBody, err)
			return step{}, false
		}
		c.octets = size
	}
	wait := p.take(c)
	if wait > 0 {
		transport.Tell(ctx, transport.Decision{Kind: transport.DecisionThrottle, Mail: a.mail, Recipients: a.size, Wait: wait})
	}
	return step{to: a.all(), wait: wait, why: "for the rate limit", unused: func() { p.giveBack(c) }}, true
}

// octetsOf returns the size of a mail. One that does not know is read once.
func octetsOf(mail transport.Mail) (int64, error) {
	info, err := transport.InfoOf(mail)
	return info.Size, err
}

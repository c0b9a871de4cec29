package policy

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/depeche-mail/depeche/internal/expired"
	"github.com/depeche-mail/depeche/internal/pause"
	"github.com/depeche-mail/depeche/transport"
)

// Guarantee says what a [Retry] does with recipients whose outcome is Unknown.
type Guarantee uint8

const (
	// AtMostOnce leaves what is Unknown alone: no recipient gets a mail twice.
	AtMostOnce Guarantee = iota
	// DangerousAtLeastOnce sends what is Unknown again. A recipient whose first copy did arrive
	// gets a second one; both have the same Message-ID, by which some mailboxes drop one.
	DangerousAtLeastOnce
)

// Retry describes a transport that sends a mail again to recipients who certainly did not get it:
// those who were Deferred, and those who were NotSent for a temporary reason that is not their own (FaultRecipient). It waits in memory; a
// mail that must survive the process belongs in a queue.
type Retry struct {
	// Next sends the mail. The transport owns it.
	Next transport.Transport
	// MaxAttempts is how often a mail is sent at most, the first time included; 0 means 4.
	MaxAttempts int
	// InitialBackoff and MaxBackoff bound the waits. Before attempt n+1 it waits a random time between 0 and
	// InitialBackoff doubled n-1 times, at most MaxBackoff: all of the time is random, so that mails that failed
	// together do not come back together. A relay that asks for a longer wait gets it, up to an hour or MaxElapsed.
	// 0 means one second and one minute.
	InitialBackoff, MaxBackoff time.Duration
	// Delay is the time before each further attempt, in place of random ones; 0 means those. It is for a test, or one
	// mail at a time: mails that failed together come back together. InitialBackoff and MaxBackoff must be 0 then.
	Delay time.Duration
	// MaxElapsed is the time after which no further attempt begins; 0 means that only MaxAttempts and the
	// ctx of Send end it. An attempt that has begun is not cut short.
	MaxElapsed time.Duration
	// Guarantee says what is done about Unknown.
	Guarantee Guarantee
	// ShouldRetry, if it is set, is asked before a further attempt; false ends the mail. It may be called
	// from several goroutines.
	ShouldRetry func(failed *transport.SendError) bool
}

// Build checks the description and returns the transport. The error joins [envelope.FieldError]s.
func (r Retry) Build() (transport.Transport, error) {
	var bad configErrors
	bad.over("Next", r.Next)
	bad.count("MaxAttempts", int64(r.MaxAttempts))
	bad.duration("InitialBackoff", r.InitialBackoff)
	bad.duration("MaxBackoff", r.MaxBackoff)
	bad.duration("MaxElapsed", r.MaxElapsed)
	bad.duration("Delay", r.Delay)
	if r.Delay > 0 && (r.InitialBackoff != 0 || r.MaxBackoff != 0) {
		bad.add("Delay", 0, r.Delay.String(), errors.New("InitialBackoff and MaxBackoff say other waits; want one of them"))
	}
	choice(&bad, "Guarantee", r.Guarantee, DangerousAtLeastOnce)
	if err := bad.err(); err != nil {
		return nil, err
	}
	const attempts, first, longest = 4, time.Second, time.Minute
	if r.MaxAttempts == 0 {
		r.MaxAttempts = attempts
	}
	if r.InitialBackoff == 0 {
		r.InitialBackoff = first
	}
	if r.MaxBackoff == 0 {
		r.MaxBackoff = longest
	}
	return newCompound(func(transport.Mail) plan { return &retryPlan{Retry: r} }, r.Next), nil
}

// retryPlan is the plan of a mail that is sent again.
type retryPlan struct {
	Retry
	begun    time.Time
	attempts int
}

func (p *retryPlan) next(ctx context.Context, a *attempts) (step, bool) {
	p.attempts++
	if a.last == nil {
		p.begun = time.Now()
		return step{to: a.all()}, true
	}
	if a.last.failure == nil && len(a.apart) == 0 || expired.Cause(ctx) != nil {
		return step{}, false
	}
	to := p.resendable(a)
	if len(to) == 0 {
		return step{}, false
	}
	asked := a.retryAfter(to)
	wait := max(p.wait(), asked)
	d := transport.Decision{
		Kind: transport.DecisionRetry, Mail: a.mail, Relay: a.last.result.Relay, Attempt: p.attempts,
		Recipients: len(to), Wait: wait, Err: a.lastFailure(),
	}
	if p.attempts > p.MaxAttempts || p.MaxElapsed == 0 && asked > longestAsked || p.MaxElapsed > 0 && time.Since(p.begun)+wait > p.MaxElapsed ||
		p.ShouldRetry != nil && !p.ShouldRetry(a.lastFailure()) {
		d.Kind, d.Wait = transport.DecisionGiveUp, 0
		transport.Tell(ctx, d)
		return step{}, false
	}
	transport.Tell(ctx, d)
	return step{to: to, wait: wait, why: fmt.Sprintf("before attempt %d", p.attempts)}, true
}

// longestAsked is how long a relay may ask to wait for a further attempt, unless MaxElapsed says something: what takes
// longer, such as the quota of a day, is for the caller to know.
const longestAsked = time.Hour

// resendable returns the recipients to whom the mail may be sent again.
func (p *retryPlan) resendable(a *attempts) []int {
	temporary := a.last.failure != nil && a.last.cause().Temporary()
	return a.toSendAgain(func(r *transport.RecipientResult) bool {
		switch r.Outcome {
		case transport.NotSent: // one who is at fault was left out by a policy such as Suppress, and stays so
			return temporary && r.Fault != transport.FaultRecipient
		case transport.Deferred:
			return true
		case transport.Unknown:
			return p.Guarantee == DangerousAtLeastOnce
		case transport.Accepted, transport.Rejected:
		}
		return false
	})
}

// wait is a random part of a time that doubles with every attempt.
func (p *retryPlan) wait() time.Duration {
	if p.Delay > 0 {
		return p.Delay
	}
	// The second attempt is the first that waits.
	longest := pause.Doubled(p.InitialBackoff, p.MaxBackoff, p.attempts-2)
	return rand.N(max(longest, 1)) //nolint:gosec // an attacker gains nothing by guessing it
}

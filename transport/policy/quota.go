package policy

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/depeche-mail/depeche/transport"
)

// Quota describes a transport that keeps what a relay allows in a day, for programs that would rather know before the
// relay says so: some bar the login for the rest of the day. A mail beyond the quota is not sent and does not wait; its
// recipients are Deferred, with the time until there is room in RetryAfter, and the cause is a [*QuotaError].
//
// What was sent is counted in memory and belongs to this process alone. Only what a relay accepted counts, and what
// may have been accepted.
//
//	p, _ := smtp.LookupProvider("google-workspace")
//	sender, err := policy.Quota{Next: relay, Messages: p.Limits.PerDay, Recipients: p.Limits.RcptPerDay}.Build()
type Quota struct {
	// Next sends the mail. The transport owns it.
	Next transport.Transport
	// Messages and Recipients are how many there may be in any Per; 0 means any number.
	Messages, Recipients int
	// Per is the time; 0 means 24 hours.
	Per time.Duration
}

// Build checks the description and returns the transport. The error joins [envelope.FieldError]s.
func (q Quota) Build() (transport.Transport, error) {
	var bad configErrors
	bad.over("Next", q.Next)
	bad.count("Messages", int64(q.Messages))
	bad.count("Recipients", int64(q.Recipients))
	bad.duration("Per", q.Per)
	if err := bad.err(); err != nil {
		return nil, err
	}
	if q.Per == 0 {
		q.Per = day
	}
	l := &quotaLog{Quota: q}
	return newCompound(func(transport.Mail) plan { return &quotaPlan{quotaLog: l} }, q.Next), nil
}

const day = 24 * time.Hour

// QuotaError is the cause when a [Quota] does not send a mail.
type QuotaError struct {
	Limit      string        // "messages" or "recipients"
	Max        int           // how many there may be
	Per        time.Duration // in which time
	RetryAfter time.Duration // until there is room for this mail
}

// Error names the quota and the time.
func (e *QuotaError) Error() string {
	return fmt.Sprintf("%d %s in %v have been sent, and no more are allowed; there is room in %v", e.Max, e.Limit, e.Per, e.RetryAfter.Round(time.Second))
}

// Temporary returns true.
func (e *QuotaError) Temporary() bool { return true }

// quotaLog is what was sent in the last Per.
type quotaLog struct {
	Quota

	mu         sync.Mutex
	sent       []*quotaEntry // the oldest first
	recipients int           // of all of them
}

type quotaEntry struct {
	at         time.Time
	recipients int
}

// take enters a mail, or says when there will be room for it. Where nothing is limited there is no entry.
func (l *quotaLog) take(now time.Time, recipients int) (*quotaEntry, *QuotaError) {
	if l.Messages == 0 && l.Recipients == 0 {
		return nil, nil //nolint:nilnil // neither is there
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.sent) > 0 && !l.sent[0].at.After(now.Add(-l.Per)) {
		l.recipients -= l.sent[0].recipients
		l.sent = l.sent[1:]
	}
	full := &QuotaError{Limit: "messages", Max: l.Messages, Per: l.Per}
	free := 0 // how many of the oldest have to leave
	if l.Messages > 0 {
		free = len(l.sent) - l.Messages + 1
	}
	if l.Recipients > 0 && l.recipients+recipients > l.Recipients {
		full.Limit, full.Max = "recipients", l.Recipients
		n, left := 0, l.recipients
		for ; n < len(l.sent) && left+recipients > l.Recipients; n++ {
			left -= l.sent[n].recipients
		}
		free = max(free, n)
	}
	if free > 0 {
		full.RetryAfter = l.sent[free-1].at.Add(l.Per).Sub(now)
		return nil, full
	}
	e := &quotaEntry{at: now, recipients: recipients}
	l.sent = append(l.sent, e)
	l.recipients += recipients
	return e, nil
}

// settle notes how many recipients got a mail.
func (l *quotaLog) settle(e *quotaEntry, recipients int) {
	if e == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	at := len(l.sent) - 1 // what is settled was entered a short time ago, and there may be a day's mails before it
	for at >= 0 && l.sent[at] != e {
		at--
	}
	if at < 0 { // it is older than Per
		return
	}
	l.recipients += recipients - e.recipients
	e.recipients = recipients
	if recipients == 0 {
		l.sent = slices.Delete(l.sent, at, at+1)
	}
}

// quotaPlan is the plan of a mail that counts.
type quotaPlan struct {
	*quotaLog

	entry *quotaEntry
}

func (p *quotaPlan) next(_ context.Context, a *attempts) (step, bool) {
	if a.last != nil {
		r := a.last.result
		p.settle(p.entry, r.Count(transport.Accepted)+r.Count(transport.Unknown))
		return step{}, false
	}
	if p.Recipients > 0 && a.size > p.Recipients {
		a.stop(transport.PhaseMessage, &LimitError{Limit: "recipients", Count: int64(a.size), Max: int64(p.Recipients)})
		return step{}, false
	}
	var full *QuotaError
	if p.entry, full = p.take(time.Now(), a.size); full != nil {
		a.postpone(a.all(), transport.FaultAccount, full.RetryAfter, full)
		return step{}, false
	}
	return step{to: a.all(), unused: func() { p.settle(p.entry, 0) }}, true
}

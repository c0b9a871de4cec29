package ledger

import (
	"math"
	"time"

	"github.com/depeche-mail/depeche/transport"
)

// DefaultWindow is how long an entry counts when its ledger is not told otherwise.
const DefaultWindow = 14 * 24 * time.Hour

// Forever is the window of a store from which nothing is deleted and whose keys all count. A program that looks at the store of
// another one opens it with this window: a shorter one than that program's would delete keys that still count there, and let their
// mail be sent again. An entry that it writes counts for ever where the store notes the end of each entry, as on PostgreSQL and NATS.
const Forever time.Duration = math.MaxInt64

// Rules are the decisions of a ledger, as functions of an entry and of nothing else. A store finds the
// entry, calls the rule, and writes what it returns, all that in one transaction or compare-and-set.
type Rules struct {
	// Window is how long an ended entry counts; an older one is as if it were not there, so its key is a
	// new one. What is Unknown counts until it is resolved. 0 means [DefaultWindow], [Forever] no end.
	Window time.Duration
}

// Holder is what a store knows of the moment of a claim.
type Holder struct {
	// Alive: the process that made the last claim on the entry is still there. A store of one process
	// knows its own claims from those of an earlier one; a cluster goes by a lease. To be wrong about it
	// is safe: the fence decides.
	Alive bool
	// Fence is the number of the new claim, one that this store has never given before.
	Fence uint64
	// Now is the time, for the window.
	Now time.Time
}

// Claim answers a claim on the entry that was found, nil for none. If next is not nil it is written
// before the answer is given.
func (r Rules) Claim(found *Entry, c Claim, by Holder) (next *Entry, answer Grant) {
	answer = Grant{Key: c.Key, Recipient: c.Recipient}
	e := r.standing(found, by.Alive, by.Now)
	switch {
	case e == nil:
		next = &Entry{Digest: c.Digest}
	case e.Digest != c.Digest:
		answer.Answer = Reused
		return nil, answer
	case e.State != Over:
		return nil, answer
	case e.Fate.Outcome == transport.Deferred, c.Again && e.mayRepeat():
		next = e
		next.Doubt = e.Fate.Outcome == transport.Unknown
	default:
		answer.Answer, answer.Fate = Replay, e.Fate
		return nil, answer
	}
	if c.MessageID != "" && (!next.Doubt || next.Fate.MessageID == "") { // of two copies the first is the one in doubt
		next.Fate.MessageID = c.MessageID
	}
	next.State, next.Fence, next.Changed = Claimed, by.Fence, by.Now
	answer.Answer, answer.Fence, answer.Doubt = Send, next.Fence, next.Doubt
	return next, answer
}

// standing returns a copy of the entry as a claim sees it; nil means that there is nothing.
func (r Rules) standing(found *Entry, alive bool, now time.Time) *Entry {
	if found == nil {
		return nil
	}
	e := *found
	if e.State != Over && !alive {
		e.Fate.Outcome = e.outcome(false)
		e.State = Over
	}
	if e.State == Over && (e.Fate.Outcome == transport.NotSent || r.Expired(e, now)) {
		return nil
	}
	return &e
}

// mayRepeat reports whether what is Unknown may be sent again by those who accept a second copy. A
// refusal for good of a later copy ends that.
func (e *Entry) mayRepeat() bool {
	return e.Fate.Outcome == transport.Unknown && e.Fate.Reply.Code/100 != 5
}

// Ending returns the entry after its content was about to leave, or ErrFenced.
func (r Rules) Ending(found *Entry, fence uint64, now time.Time) (*Entry, error) {
	if !found.heldBy(fence) {
		return nil, ErrFenced
	}
	next := *found
	next.State, next.Changed = Ending, now
	return &next, nil
}

// End returns the entry after the claim with this fence ended so, nil if it is to be deleted: NotSent
// is what it was before the claim. The error is ErrFenced.
func (r Rules) End(found *Entry, fence uint64, fate Fate, now time.Time) (*Entry, error) {
	if !found.heldBy(fence) {
		return nil, ErrFenced
	}
	next := *found
	next.State, next.Changed = Over, now
	switch {
	case found.Doubt && fate.Outcome != transport.Accepted:
		next.Fate.Outcome = transport.Unknown
		if !fate.Reply.IsZero() {
			next.Fate.Reply, next.Fate.Fault, next.Fate.Phase, next.Fate.Relay = fate.Reply, fate.Fault, fate.Phase, fate.Relay
		}
	case fate.Outcome != transport.NotSent:
		next.Fate = fate
	case found.Fate.Outcome != transport.Deferred:
		return nil, nil
	}
	next.Doubt = false
	return &next, nil
}

// heldBy reports whether the claim with this fence is the last one and has not ended.
func (e *Entry) heldBy(fence uint64) bool {
	return e != nil && e.Fence == fence && e.State != Over
}

// Expired reports whether the entry is past the window, so that a store may delete it.
func (r Rules) Expired(e Entry, now time.Time) bool {
	keep := r.Keep(e)
	return e.State == Over && keep != 0 && now.Sub(e.Changed) > keep
}

// Keep returns for how long a store keeps the entry that nothing replaces, from Changed on; 0 means for ever: it is in doubt, or Window is [Forever]. A
// claim before the end of the content is kept for [DefaultWindow] at least: its process is gone by then, and if it is not, it is fenced.
func (r Rules) Keep(e Entry) time.Duration {
	window := r.Window
	if window == 0 {
		window = DefaultWindow
	}
	switch {
	case window == Forever, e.State == Ending, e.Doubt, e.Fate.Outcome == transport.Unknown:
		return 0
	case e.State == Claimed:
		return max(window, DefaultWindow)
	}
	return window
}

// Resolve returns the entry after an operator found out what became of an Unknown: Accepted, Rejected,
// or NotSent, which deletes it (nil), so that the mail may be sent again.
func (r Rules) Resolve(found *Entry, alive bool, outcome transport.Outcome, now time.Time) (*Entry, error) {
	e := r.standing(found, alive, now)
	switch {
	case e == nil:
		return nil, ErrNotFound
	case outcome != transport.Accepted && outcome != transport.Rejected && outcome != transport.NotSent:
		return nil, &ResolveError{Outcome: outcome, Reason: "an entry is resolved as accepted, rejected or not sent"}
	case e.State != Over:
		return nil, ErrBusy
	case e.Fate.Outcome != transport.Unknown:
		return nil, &ResolveError{Outcome: outcome, Reason: "the entry is not in doubt: it is " + e.Fate.Outcome.String()}
	case outcome == transport.NotSent:
		return nil, nil
	}
	e.Fate.Outcome, e.Changed = outcome, now
	return e, nil
}

// ResolveError says why an entry cannot be resolved so.
type ResolveError struct {
	Outcome transport.Outcome // what was asked for
	Reason  string
}

// Error tells both.
func (e *ResolveError) Error() string { return "resolve as " + e.Outcome.String() + ": " + e.Reason }

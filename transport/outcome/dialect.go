package outcome

import (
	"strings"
	"time"
)

// Phrase is what a provider says when a refusal is about the account, a rate or the connection, and what it means.
// Code, Enhanced and Text must all fit; what is zero fits everything.
type Phrase struct {
	Code     int    // three digits
	Enhanced string // "5.4.5"; of one that ends in a dot, the beginning
	Text     string // a part of the text, in lower case
	Phase    Phase  // in which it comes

	// Fault is who is meant.
	Fault Fault
	// Passes says that the refusal passes by itself although it may come as 5yz, because a quota or a rate is used
	// up: its outcome is Deferred.
	Passes bool
	// RetryAfter is how long the provider wants a sender to wait; 0 when it does not say.
	RetryAfter time.Duration
	// Source is the public page that says so.
	Source string
}

func (p *Phrase) fits(phase Phase, reply Reply, text string) bool {
	return (p.Code == 0 || p.Code == reply.Code) && (p.Phase == "" || p.Phase == phase) &&
		(p.Enhanced == "" || p.Enhanced == reply.Enhanced || strings.HasSuffix(p.Enhanced, ".") && strings.HasPrefix(reply.Enhanced, p.Enhanced)) &&
		strings.Contains(text, p.Text)
}

// Dialect is what a provider says, the first fitting phrase first. The nil Dialect is that of every other server: it
// knows the words that many of them use for a rate or a quota.
type Dialect []Phrase

// Meaning is what a refusal means for a recipient.
type Meaning struct {
	Outcome    Outcome // Rejected or Deferred
	Fault      Fault
	RetryAfter time.Duration // how long the server wants a sender to wait; 0 when it does not say
}

// Read returns what a refusal (4yz or 5yz) means that came in a phase. shared says that it answers for several
// recipients; see [FaultOf]. A time of day in the reply is compared with now.
//
// A quota or a rate that is used up is Deferred, also when the server says 5yz, and is never the fault of a
// recipient.
func (d Dialect) Read(phase Phase, reply Reply, shared bool, now time.Time) Meaning {
	m := Meaning{Outcome: Rejected, Fault: FaultOf(phase, reply, shared)}
	if reply.Code/100 == 4 {
		m.Outcome = Deferred
	}
	if reply.Code/100 != 4 && reply.Code/100 != 5 {
		return m
	}
	text := strings.ToLower(strings.Join(reply.Lines, " "))
	passes := usedUp.matches(text) || tooFast.matches(text)
	for i := range d {
		if p := &d[i]; p.fits(phase, reply, text) {
			m.Fault, m.RetryAfter, passes = p.Fault, p.RetryAfter, p.Passes
			break
		}
	}
	if passes {
		m.Outcome = Deferred
	}
	if asked := waitIn(text, now); asked > 0 && m.Outcome == Deferred {
		m.RetryAfter = asked
	}
	return m
}

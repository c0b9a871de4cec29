package ledger

import (
	"fmt"
	"time"

	"github.com/depeche-mail/depeche/transport"
)

// State is how far the last claim on an entry has come.
type State uint8

// The states.
const (
	// Claimed: a send is under way, and no content has left completely.
	Claimed State = iota
	// Ending: the content was about to leave.
	Ending
	// Over: the send ended; the outcome is in the entry.
	Over
)

var stateNames = [...]string{"claimed", "ending", "over"}

// String returns the state in lower case.
func (s State) String() string {
	if int(s) < len(stateNames) {
		return stateNames[s]
	}
	return fmt.Sprintf("state %d", uint8(s))
}

// Entry is what a ledger keeps of one key and recipient. Stores keep it as they like; AppendBinary
// and UnmarshalBinary are a compact form.
type Entry struct {
	Digest Digest
	Fence  uint64 // of the last claim
	State  State
	// Doubt: an attempt before the last claim may have delivered the mail.
	Doubt bool
	// Fate is how the last claim ended; while another is under way, how the one before did. Its zero
	// value means that no attempt before this one reached an end.
	Fate Fate
	// Changed is when the entry was written, to the second. It decides about the window alone.
	Changed time.Time
}

// Outcome is what the entry says to a reader, given whether the holder of its last claim is still
// there: what no claim holds and may have left is Unknown.
func (e Entry) outcome(held bool) transport.Outcome {
	switch {
	case e.State == Over:
		return e.Fate.Outcome
	case e.Doubt, e.State == Ending && !held:
		return transport.Unknown
	}
	return e.Fate.Outcome
}

package queue

import (
	"errors"
	"fmt"
	"time"

	"github.com/depeche-mail/depeche/ledger"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/policy"
)

// Errors of a [Queue] and of an [Engine]. One key for two mails is [ledger.ErrKeyReused].
var (
	// ErrNotFound: there is no job with this key, or it is not in the state that was asked for.
	ErrNotFound = errors.New("the queue has no such job")
	// ErrLease: the lease of a job ended, and another worker may have it.
	ErrLease = errors.New("the lease of the job has ended")
	// ErrClosed: the engine was closed.
	ErrClosed = errors.New("the queue is closed")
	// ErrLost: changes were missed, because they were read too slowly or the engine was cut off. List says how things are.
	ErrLost = errors.New("changes of the queue were missed: they came faster than they were read, or the engine was cut off")
)

// Job says when and how a mail is sent.
type Job struct {
	// Key names the piece of work, as for a ledger; the same mail with the same key is queued once. Empty means the key
	// of the mail, else its Message-ID if the caller set it, else a random one, which recognises no repetition.
	Key string
	// At is when it is sent at the earliest, exact to a second; zero means now.
	At time.Time
	// Expires is when it is of no use any more: it is parked instead of sent. Zero means never.
	Expires time.Time
	// Priority: jobs with a higher one go first, among those that are due. 0 is normal.
	Priority int
	// Relay names one of the relays of the worker; empty means its standard one.
	Relay string
	// Guarantee says what is done about a mail whose verdict was lost. AtMostOnce, the default, parks it.
	Guarantee policy.Guarantee
	// Trace is carried to the worker as it is, such as a trace context.
	Trace map[string]string
}

// State is where a job is.
type State uint8

// The states. A job that was accepted for all recipients, cancelled or dropped is not in the queue any more.
const (
	// Waiting for its time, or for a worker.
	Waiting State = iota
	// Working: a worker has it.
	Working
	// Parked: no worker takes it until it is put back; Reason says why.
	Parked
)

var stateNames = [...]string{"waiting", "working", "parked"}

// String returns the state in lower case.
func (s State) String() string {
	if int(s) < len(stateNames) {
		return stateNames[s]
	}
	return fmt.Sprintf("state %d", uint8(s))
}

// Entry is a job as an engine keeps it.
type Entry struct {
	Job

	Digest   ledger.Digest // of sender, recipients and fingerprint; engines keep it under a [ledger.Secret]
	Enqueued time.Time
	// Start is when it was due first; the time after which a worker gives up begins with it.
	Start time.Time
	State State
	// Attempts is how often a worker has taken it.
	Attempts int
	// Reason is why the last attempt did not end it, or why it is parked: one printable line of 500 octets at most,
	// because a part of it is what a server said.
	Reason string
	// Outcome is the worst outcome of a recipient in the last attempt: Unknown, then Rejected, NotSent, Deferred.
	Outcome transport.Outcome
	// Payload is the mail in a form of this package, sealed if the queue has a secret. [Engine.List] leaves it out.
	Payload []byte
}

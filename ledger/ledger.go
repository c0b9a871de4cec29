package ledger

import (
	"context"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport"
)

// Ledger keeps one [Entry] for each key and recipient. It is safe for concurrent use; what one call
// changes is changed by one compare-and-set for each entry, so that of two callers who claim the same
// entry one gets it, also when they run on two machines.
//
// An error means that the store could not do its work; nothing may then be sent on the strength of it.
type Ledger interface {
	// Claim answers each claim, in the order of claims. It need not be durable when it returns.
	Claim(ctx context.Context, claims []Claim) ([]Grant, error)
	// Ending says that the content is about to leave for these grants. It is durable when it returns
	// nil. If one of them was taken over the error wraps [ErrFenced], and none of them may be sent.
	Ending(ctx context.Context, grants []Grant) error
	// End says how these grants ended. It is durable when it returns. One that was taken over stays as
	// it is, the others are written, and the error wraps [ErrFenced].
	End(ctx context.Context, ends []Ended) error
}

// Claim asks whether a mail may go to one recipient.
type Claim struct {
	Key       string // of the caller, see [CheckKey]
	Recipient envelope.Address
	Digest    Digest // guards against one key for two mails
	Again     bool   // at least once: send also what is Unknown, unless it was refused for good since
	// MessageID is that of the mail, with its angle brackets. The entry has it from the claim on: when the process is killed
	// before the verdict, it is by this that the log of the relay is asked.
	MessageID string
}

// Answer is what a ledger says to a claim.
type Answer uint8

// The answers. The zero value permits nothing.
const (
	// Busy: another claim holds the entry, in this process or in another that is still alive.
	Busy Answer = iota
	// Send: the mail may be sent under the fence of the grant.
	Send
	// Replay: it ended, or is in doubt; the outcome is in the grant.
	Replay
	// Reused: the key belongs to another mail.
	Reused
)

// Grant is the answer to a [Claim].
type Grant struct {
	Key       string
	Recipient envelope.Address
	Answer    Answer
	// Fence numbers the claim, with the answer Send. A store never gives the same number twice, and an
	// entry knows only the last one: who was taken over is recognised by an older one.
	Fence uint64
	// Doubt, with the answer Send: an earlier attempt may have delivered the mail. Only Accepted
	// changes that.
	Doubt bool
	// Fate is how it ended, with the answer Replay.
	Fate Fate
}

// Ended is the end of a grant.
type Ended struct {
	Grant Grant
	Fate  Fate
}

// Fate is what became of a mail for one recipient.
type Fate struct {
	Outcome   transport.Outcome
	Reply     transport.Reply
	Fault     transport.Fault // who is meant by a refusal
	Phase     transport.Phase // in which the attempt ended, if it was not accepted
	Relay     string          // the transport that made the final attempt
	QueueID   string          // what that relay calls the message
	MessageID string          // with its angle brackets
}

package transport

import (
	"slices"

	"github.com/depeche-mail/depeche/envelope"
)

// Result is what is known after an attempt. It belongs to the caller.
type Result struct {
	// Recipients has one entry per recipient of the envelope, in its order.
	Recipients []RecipientResult `json:"recipients"`
	// MessageID is the Message-ID of the mail with its angle brackets, "" when unknown.
	MessageID string `json:"message_id,omitempty"`
	// Key is the caller's key of the mail, "" when it has none; see [WithKey].
	Key string `json:"key,omitempty"`
	// QueueID is what the relay calls the message in its logs, "" when it did not say. Where several mails
	// were sent it is that of the first, and each recipient has its own.
	QueueID string `json:"queue_id,omitempty"`
	// Relay names the transport that made the final attempt, such as "smtp.example.org:465". Where several
	// took part that is the last of them, and each recipient names its own.
	Relay string `json:"relay,omitempty"`
	// Timing is how long the phases took.
	Timing Timing `json:"timing,omitzero"`
}

// NewResult returns a Result in which every recipient of env has the same outcome and reply.
func NewResult(env envelope.Envelope, outcome Outcome, reply Reply) *Result {
	r := &Result{Recipients: make([]RecipientResult, env.Len())}
	for i := range r.Recipients {
		r.Recipients[i] = RecipientResult{Address: env.At(i).Address, Outcome: outcome, Reply: reply}
	}
	return r
}

// Count returns how many recipients have the outcome.
func (r *Result) Count(outcome Outcome) int {
	n := 0
	for i := range r.Recipients {
		if r.Recipients[i].Outcome == outcome {
			n++
		}
	}
	return n
}

// Refused returns the recipients whom a relay has refused, for now or for good, in the order of the envelope: those
// who are Deferred or Rejected. Those who are NotSent or Unknown were not refused.
func (r *Result) Refused() []RecipientResult {
	var list []RecipientResult
	for i := range r.Recipients {
		if o := r.Recipients[i].Outcome; o == Deferred || o == Rejected {
			list = append(list, r.Recipients[i])
		}
	}
	return list
}

// Clone returns a copy whose recipients can be changed without changing r.
func (r *Result) Clone() *Result {
	own := *r
	own.Recipients = slices.Clone(r.Recipients)
	return &own
}

// AllAccepted reports whether every recipient was accepted.
func (r *Result) AllAccepted() bool { return r.Count(Accepted) == len(r.Recipients) }

package outcome

import (
	"time"

	"github.com/depeche-mail/depeche/envelope"
)

// RecipientResult is what became of one recipient.
type RecipientResult struct {
	Address envelope.Address `json:"address"`
	Outcome Outcome          `json:"outcome"`
	// Fault says who is meant by a refusal; its zero value means that there was none, or that the answer does
	// not say.
	Fault Fault `json:"fault,omitzero"`
	// Replayed says that nothing was sent to this recipient now: the outcome is that of an earlier send
	// with the same key, as a ledger remembers it.
	Replayed bool `json:"replayed,omitempty"`
	// Reply is the server's answer that decided the outcome; its zero value means that no answer
	// about this recipient came.
	Reply Reply `json:"reply,omitzero"`
	// RetryAfter is how long the relay wants a sender to wait before it tries again, counted from the reply; 0 when
	// it did not say. A quota that is used up has one of hours.
	RetryAfter time.Duration `json:"retry_after,omitempty"`
	// Relay names the transport that made the final attempt for this recipient. A relay itself names itself
	// only in the Result; the transports that send over others name it here, and leave it "" for a
	// recipient for whom none was asked.
	Relay string `json:"relay,omitempty"`
	// QueueID is what the relay calls the mail of this recipient in its logs. As Relay it is set by the
	// transports that send over others, for one who was accepted, because several mails may come of one.
	QueueID string `json:"queue_id,omitempty"`
}

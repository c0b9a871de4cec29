package ledger

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"time"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport"
)

// Book is a ledger that can be read and corrected by its operator. The stores of this project are.
type Book interface {
	Ledger
	// Records returns all entries in the order of their keys. What is written while the loop runs may be
	// missing.
	Records(ctx context.Context) iter.Seq2[Record, error]
	// Lookup returns the entries of a key; none is an empty list.
	Lookup(ctx context.Context, key string) ([]Record, error)
	// Resolve says what became of an Unknown, once the operator has looked into the log of the relay: Accepted,
	// Rejected, or NotSent, which allows to send again. The errors are [ErrNotFound], [ErrBusy] and
	// [*ResolveError].
	Resolve(ctx context.Context, key string, recipient envelope.Address, outcome transport.Outcome) error
	// Erase deletes all entries of a recipient and returns how many there were. A key that is used again
	// for that recipient is a new one.
	Erase(ctx context.Context, recipient envelope.Address) (int, error)
}

// Record is an [Entry] for people and programs that look at a [Book].
type Record struct {
	Key string `json:"key"`
	// Recipient is the address, or what the store keeps in its place.
	Recipient string            `json:"recipient"`
	State     string            `json:"state"`
	Outcome   transport.Outcome `json:"outcome"`
	Reply     string            `json:"reply,omitempty"`
	Relay     string            `json:"relay,omitempty"`
	QueueID   string            `json:"queue_id,omitempty"`
	MessageID string            `json:"message_id,omitempty"`
	Fence     uint64            `json:"fence"`
	Changed   time.Time         `json:"changed"`
}

// Record describes the entry, given whether the process that made its last claim is still there.
func (e Entry) Record(key, recipient string, alive bool) Record {
	return Record{
		Key: key, Recipient: recipient, State: e.State.String(), Outcome: e.outcome(alive),
		Reply: e.Fate.Reply.String(), Relay: e.Fate.Relay, QueueID: e.Fate.QueueID, MessageID: e.Fate.MessageID,
		Fence: e.Fence, Changed: e.Changed,
	}
}

// Export writes the records of a book as JSON, one a line.
func Export(ctx context.Context, w io.Writer, b Book) error {
	out := json.NewEncoder(w)
	for record, err := range b.Records(ctx) {
		if err != nil {
			return fmt.Errorf("export: %w", err)
		}
		if err := out.Encode(record); err != nil {
			return fmt.Errorf("export: %w", err)
		}
	}
	return nil
}

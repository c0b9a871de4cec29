package jetstream

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/ledger"
)

// Ledger is the ledger of a queue, a [ledger.Book] that processes on several machines share. It is safe for concurrent use.
type Ledger struct {
	stream *stream
	owners *owners
	rules  ledger.Rules
	secret ledger.Secret
	alone  bool // no other process can use the ledger

	mu    sync.Mutex
	count uint64           // of fences
	held  map[uint64]*hold // by fence: what this process has claimed, also while it is being written
	bare  map[string]*hold // by place: those of them whose claim is in no record
	looks map[*look]bool   // claims that are being decided

	unwritten []ledger.Ended // ends that no server took; they are written when one is reached
	retrying  bool
	closing   <-chan struct{}
}

// now is the time as entries keep it.
func now() time.Time { return time.Now().UTC().Truncate(time.Second) }

var encoding = base64.RawURLEncoding

// hashSize is how much of a hash is kept, in octets.
const hashSize = 16

// hashKey is a key of the caller's as a part of a subject, which has no room for any text.
func hashKey(key string) string {
	h := sha256.Sum256([]byte(key))
	return encoding.EncodeToString(h[:hashSize])
}

func (l *Ledger) hash(to envelope.Address) string {
	return encoding.EncodeToString(l.secret.Recipient(to))
}

// place is the subject of an entry.
func (l *Ledger) place(key string, to envelope.Address) string {
	return l.stream.name + "." + hashKey(key) + "." + l.hash(to)
}

// findSecret finds the secret of the queue, or makes it.
func findSecret(ctx context.Context, jobs *stream, callers []byte) (ledger.Secret, error) {
	subject := jobs.name + ".meta.secret"
	kept, err := ledger.NewSecret(callers)
	if err != nil {
		return ledger.Secret{}, err
	}
	err = tries(ctx, func() error {
		r, err := jobs.readLeader(ctx, subject)
		if err == nil && r == nil {
			_, err = jobs.write(ctx, []change{{subject: subject, data: kept}})
		} else if err == nil {
			kept = r.data
		}
		return err
	})
	if err != nil {
		return ledger.Secret{}, err
	}
	return ledger.ReadSecret(kept, callers)
}

// ownerShift is where the number of the process is in a fence; the count of its claims is below.
const ownerShift = 32

// fence returns a number that was never given. It is called with the lock held.
func (l *Ledger) fence() (uint64, error) {
	if l.count++; l.count>>ownerShift != 0 {
		return 0, errors.New("ledger: this process has made all claims that it may; open the queue again")
	}
	return l.owners.self<<ownerShift | l.count, nil
}

// change replaces the record of an entry; nil deletes it. What ends by its window is deleted by the server.
func (l *Ledger) change(place string, seen uint64, key string, e *ledger.Entry) change {
	if e == nil {
		return change{subject: place, seen: seen, keep: marked}
	}
	return change{subject: place, seen: seen, data: encodeEntry(key, *e), keep: lasting(l.rules.Keep(*e))}
}

// lasting is for how long the server keeps what counts for a window: not less long than the rules say, and 0 is for ever.
func lasting(window time.Duration) time.Duration {
	if window == 0 || window == ledger.Forever {
		return 0
	}
	return max(window+time.Second, marked)
}

// encodeEntry is the key, which the subject has only as a hash, and the entry.
func encodeEntry(key string, e ledger.Entry) []byte {
	data := append(binary.AppendUvarint(nil, uint64(len(key))), key...)
	data, _ = e.AppendBinary(data) // never fails
	return data
}

func decodeEntry(data []byte) (key string, e *ledger.Entry, err error) {
	n, used := binary.Uvarint(data)
	if used <= 0 || n > uint64(len(data)-used) {
		return "", nil, errors.New("these octets are not an entry")
	}
	e = &ledger.Entry{}
	end := used + int(n)
	return string(data[used:end]), e, e.UnmarshalBinary(data[end:])
}

// entryOf returns the entry of a record, nil for none, and what a change of it must have seen.
func entryOf(r *record) (e *ledger.Entry, seen uint64, err error) {
	if r == nil {
		return nil, 0, nil
	}
	if r.deleted() {
		return nil, r.seq, nil
	}
	if _, e, err = decodeEntry(r.data); err != nil {
		return nil, 0, fmt.Errorf("ledger: the record %s: %w", r.subject, err)
	}
	return e, r.seq, nil
}

package ledger

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport"
)

// Memory is a [Book] for tests, and for programs that want a key to count as long as they run. It is safe
// for concurrent use. Its time is that of package time, so a test in a bubble of testing/synctest can let
// the window pass.
type Memory struct {
	// Rules may be set before the first call.
	Rules Rules

	mu      sync.Mutex
	entries map[memoryKey]Entry
	born    uint64 // the fences of this ledger are greater
	fence   uint64
}

type memoryKey struct {
	key       string
	recipient envelope.Address
}

// NewMemory returns an empty ledger.
func NewMemory() *Memory { return &Memory{entries: map[memoryKey]Entry{}} }

// Restart returns what a ledger on disk would be after the process was killed at this moment: the same
// entries, whose claims are void. The old one goes on by itself.
func (m *Memory) Restart() *Memory {
	m.mu.Lock()
	defer m.mu.Unlock()
	return &Memory{Rules: m.Rules, entries: maps.Clone(m.entries), born: m.fence, fence: m.fence}
}

func (m *Memory) find(key string, recipient envelope.Address) (at memoryKey, e *Entry) {
	at = memoryKey{key, recipient}
	if found, ok := m.entries[at]; ok {
		return at, &found
	}
	return at, nil
}

func (m *Memory) alive(e *Entry) bool { return e != nil && e.Fence > m.born }

// Claim answers claims; see [Ledger].
func (m *Memory) Claim(ctx context.Context, claims []Claim) ([]Grant, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	grants := make([]Grant, len(claims))
	for i, c := range claims {
		at, found := m.find(c.Key, c.Recipient)
		m.fence++
		next, grant := m.Rules.Claim(found, c, Holder{Alive: m.alive(found), Fence: m.fence, Now: now()})
		if next != nil {
			m.entries[at] = *next
		}
		grants[i] = grant
	}
	return grants, nil
}

// Ending says that content is about to leave; see [Ledger].
func (m *Memory) Ending(ctx context.Context, grants []Grant) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, g := range grants {
		if _, found := m.find(g.Key, g.Recipient); !m.alive(found) || !found.heldBy(g.Fence) {
			return fmt.Errorf("key %q: %w", g.Key, ErrFenced)
		}
	}
	for _, g := range grants {
		at, found := m.find(g.Key, g.Recipient)
		next, err := m.Rules.Ending(found, g.Fence, now())
		if err != nil {
			return err
		}
		m.entries[at] = *next
	}
	return nil
}

// End says how sends ended; see [Ledger].
func (m *Memory) End(ctx context.Context, ends []Ended) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	var errs []error
	for _, e := range ends {
		at, found := m.find(e.Grant.Key, e.Grant.Recipient)
		next, err := m.Rules.End(found, e.Grant.Fence, e.Fate, now())
		switch {
		case err != nil:
			errs = append(errs, fmt.Errorf("key %q: %w", e.Grant.Key, err))
		case next == nil:
			delete(m.entries, at)
		default:
			m.entries[at] = *next
		}
	}
	return errors.Join(errs...)
}

// Records returns all entries; see [Book].
func (m *Memory) Records(ctx context.Context) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		if ctx.Err() != nil {
			yield(Record{}, context.Cause(ctx))
			return
		}
		for _, r := range m.records(func(memoryKey) bool { return true }) {
			if !yield(r, nil) {
				return
			}
		}
	}
}

// Lookup returns the entries of a key; see [Book].
func (m *Memory) Lookup(ctx context.Context, key string) ([]Record, error) {
	return m.records(func(at memoryKey) bool { return at.key == key }), ctx.Err()
}

func (m *Memory) records(want func(memoryKey) bool) []Record {
	m.mu.Lock()
	defer m.mu.Unlock()
	var list []Record
	for at, e := range m.entries {
		if want(at) && !m.Rules.Expired(e, now()) {
			list = append(list, e.Record(at.key, at.recipient.String(), m.alive(&e)))
		}
	}
	slices.SortFunc(list, func(a, b Record) int {
		return cmp.Or(cmp.Compare(a.Key, b.Key), cmp.Compare(a.Recipient, b.Recipient))
	})
	return list
}

// Resolve settles an Unknown; see [Book].
func (m *Memory) Resolve(ctx context.Context, key string, recipient envelope.Address, outcome transport.Outcome) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	at, found := m.find(key, recipient)
	next, err := m.Rules.Resolve(found, m.alive(found), outcome, now())
	switch {
	case err != nil:
		return err
	case next == nil:
		delete(m.entries, at)
	default:
		m.entries[at] = *next
	}
	return nil
}

// Erase deletes the entries of a recipient; see [Book].
func (m *Memory) Erase(ctx context.Context, recipient envelope.Address) (int, error) {
	if ctx.Err() != nil {
		return 0, context.Cause(ctx)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	n := len(m.entries)
	for at := range m.entries {
		if at.recipient == recipient {
			delete(m.entries, at)
		}
	}
	return n - len(m.entries), nil
}

// now is the time as entries keep it.
func now() time.Time { return time.Now().UTC().Truncate(time.Second) }

package jetstream

import (
	"cmp"
	"context"
	"encoding/hex"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/ledger"
	"github.com/depeche-mail/depeche/transport"
)

// Records returns all entries in the order of their keys; see [ledger.Book]. They are collected first. Addresses are not
// kept: Record.Recipient is "hash:" and the hash in hexadecimal.
func (l *Ledger) Records(ctx context.Context) iter.Seq2[ledger.Record, error] {
	return func(yield func(ledger.Record, error) bool) {
		list, err := l.records(ctx, l.stream.name+".*.*")
		if err != nil {
			yield(ledger.Record{}, err)
			return
		}
		for _, r := range list {
			if !yield(r, nil) {
				return
			}
		}
	}
}

// Lookup returns the entries of a key; see [ledger.Book].
func (l *Ledger) Lookup(ctx context.Context, key string) ([]ledger.Record, error) {
	list, err := l.records(ctx, l.stream.name+"."+hashKey(key)+".*")
	return slices.DeleteFunc(list, func(r ledger.Record) bool { return r.Key != key }), err
}

func (l *Ledger) records(ctx context.Context, filter string) ([]ledger.Record, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	newest := map[string]ledger.Record{}
	err := l.stream.scan(ctx, filter, func() { clear(newest) }, func(r *record) error {
		delete(newest, r.subject)
		if r.deleted() {
			return nil
		}
		key, e, err := decodeEntry(r.data)
		if err != nil {
			return fmt.Errorf("ledger: the record %s: %w", r.subject, err)
		}
		if !l.rules.Expired(*e, now()) {
			newest[r.subject] = e.Record(key, recipientOf(r.subject), l.mayHold(e))
		}
		return nil
	})
	for _, h := range l.bareAt(filter) {
		newest[h.place] = h.entry.Record(h.key, recipientOf(h.place), true)
	}
	list := make([]ledger.Record, 0, len(newest))
	for _, r := range newest {
		list = append(list, r)
	}
	slices.SortFunc(list, func(a, b ledger.Record) int {
		return cmp.Or(cmp.Compare(a.Key, b.Key), cmp.Compare(a.Recipient, b.Recipient))
	})
	return list, err
}

// recipientOf says what is known of the recipient of a record.
func recipientOf(subject string) string {
	hash, err := encoding.DecodeString(subject[strings.LastIndexByte(subject, '.')+1:])
	if err != nil {
		return subject
	}
	return "hash:" + hex.EncodeToString(hash)
}

// Resolve settles an Unknown; see [ledger.Book].
func (l *Ledger) Resolve(ctx context.Context, key string, recipient envelope.Address, outcome transport.Outcome) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	place := l.place(key, recipient)
	return tries(ctx, func() error {
		r, err := l.stream.readOne(ctx, place)
		if err != nil {
			return err
		}
		found, seen, err := entryOf(r)
		if err != nil {
			return err
		}
		for _, h := range l.bareAt(place) {
			found = &h.entry
		}
		next, err := l.rules.Resolve(found, l.mayHold(found), outcome, now())
		if err != nil {
			return err
		}
		_, err = l.stream.write(ctx, []change{l.change(place, seen, key, next)})
		return err
	})
}

// Erase deletes the entries of a recipient; see [ledger.Book].
func (l *Ledger) Erase(ctx context.Context, recipient envelope.Address) (int, error) {
	filter := l.stream.name + ".*." + l.hash(recipient)
	list, err := l.records(ctx, filter)
	if err != nil {
		return 0, err
	}
	l.mu.Lock()
	for place, h := range l.bare {
		if takes(filter, place) {
			l.forget(h.entry.Fence)
		}
	}
	l.mu.Unlock()
	return len(list), l.stream.purge(ctx, filter)
}

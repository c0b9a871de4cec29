package bolt

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"iter"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/ledger"
	"github.com/depeche-mail/depeche/transport"
	"go.etcd.io/bbolt"
)

// Records returns all entries; see [ledger.Book]. Where addresses are not kept, Record.Recipient is "hash:"
// and the hash in hexadecimal. The loop's body may use the ledger.
func (l *Ledger) Records(ctx context.Context) iter.Seq2[ledger.Record, error] {
	return func(yield func(ledger.Record, error) bool) {
		next := []byte{}
		for next != nil {
			list, after, err := l.page(ctx, next)
			if err != nil {
				yield(ledger.Record{}, err)
				return
			}
			for _, r := range list {
				if !yield(r, nil) {
					return
				}
			}
			next = after
		}
	}
}

// page returns some records from a place on, and where to go on; nil means that there are no more.
func (l *Ledger) page(ctx context.Context, from []byte) (list []ledger.Record, next []byte, err error) {
	const size = 512
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.usable(ctx); err != nil {
		return nil, nil, err
	}
	err = l.db.View(func(tx *bbolt.Tx) error {
		c := tx.Bucket(entriesBucket).Cursor()
		for place, value := c.Seek(from); place != nil; place, value = c.Next() {
			if len(list) == size {
				next = bytes.Clone(place)
				return nil
			}
			r, counts, err := l.record(place, value)
			if err != nil {
				return err
			}
			if counts {
				list = append(list, r)
			}
		}
		return nil
	})
	return list, next, err
}

// record describes an entry of the file; false means that it is past the window.
func (l *Ledger) record(place, value []byte) (ledger.Record, bool, error) {
	key, hash, ok := split(place)
	if !ok {
		return ledger.Record{}, false, fmt.Errorf("ledger %s: %x is not the place of an entry", l.path, place)
	}
	e, recipient, err := decode(value)
	if err != nil {
		return ledger.Record{}, false, fmt.Errorf("ledger %s: the entry of key %q: %w", l.path, key, err)
	}
	if recipient == "" {
		recipient = "hash:" + hex.EncodeToString(hash)
	}
	_, alive := l.held[string(place)]
	return e.Record(key, recipient, alive), !l.rules.Expired(e, now()), nil
}

// Lookup returns the entries of a key; see [ledger.Book].
func (l *Ledger) Lookup(ctx context.Context, key string) ([]ledger.Record, error) {
	prefix := []byte(key + "\x00")
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.usable(ctx); err != nil {
		return nil, err
	}
	var list []ledger.Record
	err := l.db.View(func(tx *bbolt.Tx) error {
		c := tx.Bucket(entriesBucket).Cursor()
		for place, value := c.Seek(prefix); bytes.HasPrefix(place, prefix); place, value = c.Next() {
			r, counts, err := l.record(place, value)
			if err != nil {
				return err
			}
			if counts {
				list = append(list, r)
			}
		}
		return nil
	})
	return list, err
}

// Resolve settles an Unknown; see [ledger.Book].
func (l *Ledger) Resolve(ctx context.Context, key string, recipient envelope.Address, outcome transport.Outcome) error {
	place := l.place(key, recipient)
	written, err := l.startResolve(ctx, place, recipient, outcome)
	if err != nil {
		return err
	}
	err = <-written
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.held, place)
	return err
}

func (l *Ledger) startResolve(ctx context.Context, place string, recipient envelope.Address, outcome transport.Outcome) (<-chan error, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.usable(ctx); err != nil {
		return nil, err
	}
	var found, next *ledger.Entry
	err := l.db.View(func(tx *bbolt.Tx) (err error) {
		var alive bool
		if found, alive, err = l.find(tx.Bucket(entriesBucket), place); err == nil {
			next, err = l.rules.Resolve(found, alive, outcome, now())
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	is := change{place: place}
	if next != nil {
		is.value = l.encode(*next, recipient.String())
	}
	l.held[place] = &claim{entry: ledger.Entry{Digest: found.Digest}} // Busy, until it is written
	return l.write([]change{is}), nil
}

// Erase deletes the entries of a recipient; see [ledger.Book]. It reads the whole ledger. Of a send that is
// under way the entry is written after it. The octets stay in unused parts of the file until they are used
// again; [Compact] leaves them out.
func (l *Ledger) Erase(ctx context.Context, recipient envelope.Address) (int, error) {
	hash := l.hash(recipient)
	return l.remove(ctx, func(place, _ []byte) bool {
		_, is, ok := split(place)
		return ok && bytes.Equal(is, hash)
	})
}

// remove deletes the entries that want picks, some at a time, so that other callers can write in between.
func (l *Ledger) remove(ctx context.Context, want func(place, value []byte) bool) (n int, _ error) {
	for next := []byte{}; next != nil; {
		some, err := l.removeSome(ctx, next, want)
		if err == nil && some.n > 0 {
			err = <-some.written
		}
		if err != nil {
			return n, err
		}
		n, next = n+some.n, some.next
	}
	return n, nil
}

// removal is some entries that are being deleted, and where to go on; nil means that there are no more.
type removal struct {
	n       int
	next    []byte
	written <-chan error
}

// removeSome deletes entries that are not under way, from a place on.
func (l *Ledger) removeSome(ctx context.Context, from []byte, want func(place, value []byte) bool) (r removal, err error) {
	const looked, found = 10000, 1000
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.usable(ctx); err != nil {
		return r, err
	}
	var list []change
	err = l.db.View(func(tx *bbolt.Tx) error {
		c := tx.Bucket(entriesBucket).Cursor()
		n := 0
		for place, value := c.Seek(from); place != nil; place, value = c.Next() {
			if n == looked || len(list) == found {
				r.next = bytes.Clone(place)
				return nil
			}
			n++
			if _, held := l.held[string(place)]; !held && want(place, value) {
				list = append(list, change{place: string(place)})
			}
		}
		return nil
	})
	if err == nil && len(list) > 0 {
		r.n, r.written = len(list), l.write(list) // before any claim that is made from now on
	}
	return r, err
}

// Backup writes a copy of the whole ledger as it is at one moment; the ledger goes on meanwhile. The copy
// is a ledger that can be opened. A restored copy is old: what was sent since is sent again.
func (l *Ledger) Backup(ctx context.Context, w io.Writer) error {
	l.mu.Lock()
	err := l.usable(ctx)
	l.mu.Unlock()
	if err != nil {
		return err
	}
	return l.db.View(func(tx *bbolt.Tx) error {
		_, err := tx.WriteTo(contextWriter{ctx, w})
		return err
	})
}

// contextWriter fails when its ctx has ended.
type contextWriter struct {
	ctx context.Context
	w   io.Writer
}

func (w contextWriter) Write(p []byte) (int, error) {
	if w.ctx.Err() != nil {
		return 0, context.Cause(w.ctx)
	}
	return w.w.Write(p)
}

var _ ledger.Book = (*Ledger)(nil)

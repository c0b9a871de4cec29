package river

import (
	"context"
	"encoding/hex"
	"errors"
	"iter"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/ledger"
	"github.com/depeche-mail/depeche/transport"
	"github.com/jackc/pgx/v5"
)

// Records returns all entries in the order of their keys; see [ledger.Book]. Addresses are not kept: Record.Recipient is
// "hash:" and the hash in hexadecimal.
func (l *Ledger) Records(ctx context.Context) iter.Seq2[ledger.Record, error] {
	return func(yield func(ledger.Record, error) bool) {
		list, err := l.records(ctx, "true")
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
	return l.records(ctx, "key = $1", key)
}

func (l *Ledger) records(ctx context.Context, where string, values ...any) (list []ledger.Record, err error) {
	err = inTx(ctx, l.pool, func(tx pgx.Tx) error {
		list = nil
		alive, err := living(ctx, tx)
		if err != nil {
			return err
		}
		rows, err := tx.Query(ctx, "select key, recipient, entry from depeche_ledger where "+where+` order by key collate "C", recipient`, values...)
		if err != nil {
			return err
		}
		var key string
		var recipient, data []byte
		_, err = pgx.ForEachRow(rows, []any{&key, &recipient, &data}, func() error {
			var e ledger.Entry
			if err := e.UnmarshalBinary(data); err != nil {
				return err
			}
			if !l.rules.Expired(e, now()) {
				l.mu.Lock()
				list = append(list, e.Record(key, "hash:"+hex.EncodeToString(recipient), l.holds(&e, alive)))
				l.mu.Unlock()
			}
			return nil
		})
		return err
	})
	return list, err
}

// Resolve settles an Unknown; see [ledger.Book].
func (l *Ledger) Resolve(ctx context.Context, key string, recipient envelope.Address, outcome transport.Outcome) error {
	at := l.place(key, recipient)
	return inTx(ctx, l.pool, func(tx pgx.Tx) error {
		found, err := find(ctx, tx, []place{at}, "for update of l")
		if err != nil {
			return err
		}
		alive, err := living(ctx, tx) // as a claim does, after the row is locked
		if err != nil {
			return err
		}
		l.mu.Lock()
		held := l.holds(found[at], alive)
		l.mu.Unlock()
		next, err := l.rules.Resolve(found[at], held, outcome, now())
		if err != nil {
			return err
		}
		done, err := l.replace(ctx, tx, []write{{at, found[at].Fence, next}}, "")
		if err == nil && !done[at] {
			err = errors.New("the entry was changed in between")
		}
		return err
	})
}

// Erase deletes the entries of a recipient; see [ledger.Book].
func (l *Ledger) Erase(ctx context.Context, recipient envelope.Address) (int, error) {
	n := 0
	err := inTx(ctx, l.pool, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `delete from depeche_ledger where (key, recipient) in (select key, recipient from depeche_ledger
			where recipient = $1 order by key collate "C" for update)`, l.hash(recipient))
		n = int(tag.RowsAffected())
		return err
	})
	return n, err
}

var _ ledger.Book = (*Ledger)(nil)

package river

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/ledger"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Ledger is the ledger of a queue, a [ledger.Book] that all processes share. It is safe for concurrent use.
type Ledger struct {
	pool   *pgxpool.Pool
	rules  ledger.Rules
	owner  int64
	secret ledger.Secret

	mu        sync.Mutex
	count     uint64                   // of fences
	held      map[uint64]*ledger.Entry // by fence: what this process has claimed, also while it is being written
	unwritten []ledger.Ended           // ends that the database did not take
	more      chan struct{}            // there are some
}

// ownerShift is where the number of the process is in a fence; the count of its claims is below.
const ownerShift = 32

func now() time.Time { return time.Now().UTC().Truncate(time.Second) }

func (l *Ledger) hash(to envelope.Address) []byte { return l.secret.Recipient(to) }

// place is the primary key of an entry.
type place struct{ key, recipient string }

func (l *Ledger) place(key string, to envelope.Address) place {
	return place{key, string(l.hash(to))}
}

// restarted is the number of all processes together, after the server has started again.
const restarted = -1

// living returns the processes that live.
func living(ctx context.Context, tx pgx.Tx) (map[int64]bool, error) {
	rows, err := tx.Query(ctx, live+" union all select $2::bigint where not ("+started("$3")+")", ownerLock, restarted, restart)
	if err != nil {
		return nil, err
	}
	list, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	alive := map[int64]bool{}
	for _, owner := range list {
		alive[owner] = true
	}
	return alive, err
}

// holds reports whether the claim on an entry may still be held. It is called with the lock held.
func (l *Ledger) holds(e *ledger.Entry, alive map[int64]bool) bool {
	if e == nil {
		return false
	}
	if owner := int64(e.Fence >> ownerShift); owner != l.owner {
		return alive[owner] || alive[restarted]
	}
	return l.held[e.Fence] != nil
}

// find reads entries and locks them until the transaction ends.
func find(ctx context.Context, tx pgx.Tx, places []place, lock string) (map[place]*ledger.Entry, error) {
	keys, recipients := make([]string, len(places)), make([][]byte, len(places))
	for i, p := range places {
		keys[i], recipients[i] = p.key, []byte(p.recipient)
	}
	rows, err := tx.Query(ctx, `select l.key, l.recipient, l.entry from depeche_ledger l join
		(select distinct * from unnest($1::text[], $2::bytea[])) as x(key, recipient) on l.key = x.key and l.recipient = x.recipient
		order by l.key collate "C", l.recipient `+lock, keys, recipients)
	if err != nil {
		return nil, err
	}
	found := map[place]*ledger.Entry{}
	var key string
	var recipient, data []byte
	_, err = pgx.ForEachRow(rows, []any{&key, &recipient, &data}, func() error {
		e := &ledger.Entry{}
		if err := e.UnmarshalBinary(data); err != nil {
			return fmt.Errorf("the entry of key %q: %w", key, err)
		}
		found[place{key, string(recipient)}] = e
		return nil
	})
	return found, err
}

// write is a new state of an entry.
type write struct {
	at   place
	seen uint64 // the fence of the entry that is replaced; 0 for none
	next *ledger.Entry
}

// columnsOf are writes as arrays.
func (l *Ledger) columnsOf(list []write) []any {
	n := len(list)
	keys, recipients, seen, fences := make([]string, n), make([][]byte, n), make([]int64, n), make([]int64, n)
	over, data, keep := make([]bool, n), make([][]byte, n), make([]*time.Time, n)
	for i, w := range list {
		keys[i], recipients[i], seen[i] = w.at.key, []byte(w.at.recipient), int64(w.seen)
		if w.next == nil {
			continue
		}
		fences[i], over[i] = int64(w.next.Fence), w.next.State == ledger.Over
		data[i], _ = w.next.AppendBinary(nil) // never fails
		if window := l.rules.Keep(*w.next); window != 0 {
			until := time.Now().Add(window + time.Minute)
			keep[i] = &until
		}
	}
	return []any{keys, recipients, seen, fences, over, data, keep}
}

const arrays = `unnest($1::text[], $2::bytea[], $3::bigint[], $4::bigint[], $5::boolean[], $6::bytea[], $7::timestamptz[])
	as x(key, recipient, seen, fence, over, entry, keep_until)`

// lockAndReplace is replace for entries that are not over and that this transaction has not locked yet. It locks them in the order that
// find has, because the order in which a join comes to them is not known.
func (l *Ledger) lockAndReplace(ctx context.Context, tx pgx.Tx, list []write) (map[place]bool, error) {
	places := make([]place, len(list))
	for i, w := range list {
		places[i] = w.at
	}
	if _, err := find(ctx, tx, places, "for update of l"); err != nil {
		return nil, err
	}
	return l.replace(ctx, tx, list, "and not l.over")
}

// replace replaces entries whose fence is the one that was seen, deletes those without a next, and returns those that it found.
func (l *Ledger) replace(ctx context.Context, tx pgx.Tx, list []write, open string) (map[place]bool, error) {
	sql := `with gone as (delete from depeche_ledger l using ` + arrays + ` where x.entry is null and l.key = x.key and l.recipient = x.recipient
			and l.fence = x.seen ` + open + ` returning l.key, l.recipient),
		changed as (update depeche_ledger l set fence = x.fence, over = x.over, entry = x.entry, keep_until = x.keep_until from ` + arrays + `
			where x.entry is not null and l.key = x.key and l.recipient = x.recipient and l.fence = x.seen ` + open + ` returning l.key, l.recipient)
		select key, recipient from gone union all select key, recipient from changed`
	rows, err := tx.Query(ctx, sql, l.columnsOf(list)...)
	if err != nil {
		return nil, err
	}
	done := map[place]bool{}
	var key string
	var recipient []byte
	_, err = pgx.ForEachRow(rows, []any{&key, &recipient}, func() error {
		done[place{key, string(recipient)}] = true
		return nil
	})
	return done, err
}

// sorted orders writes, so that transactions that meet do not wait for each other.
func sorted(list []write) []write {
	slices.SortFunc(list, func(a, b write) int {
		if c := strings.Compare(a.at.key, b.at.key); c != 0 {
			return c
		}
		return strings.Compare(a.at.recipient, b.at.recipient)
	})
	return list
}

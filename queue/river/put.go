package river

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/depeche-mail/depeche/ledger"
	"github.com/depeche-mail/depeche/queue"
	"github.com/depeche-mail/depeche/transport"
	"github.com/jackc/pgx/v5"
	rivers "github.com/riverqueue/river"
)

// args is a job as River sees it.
type args struct {
	Key string `json:"key"`
}

// Kind names the job to River.
func (args) Kind() string { return "depeche_mail" }

const riverQueue = "depeche"

// EnqueueTx is [queue.Queue.Enqueue] in a transaction of the caller's: the mail is queued when and only when that commits. q is the queue over
// this engine. Who enqueues several mails in one transaction does it in the order of their keys, or is ready for a deadlock (40P01).
func (e *Engine) EnqueueTx(ctx context.Context, tx pgx.Tx, q *queue.Queue, mail transport.Mail, job queue.Job) (key string, err error) {
	if err := e.usable(ctx); err != nil {
		return "", err
	}
	entry, err := q.Entry(mail, job)
	if err != nil {
		return "", err
	}
	errs, err := e.putTx(ctx, tx, []queue.Entry{entry})
	if err == nil {
		err = errs[0]
	}
	if err != nil {
		return "", fmt.Errorf("enqueue: %w", err)
	}
	return entry.Key, nil
}

// Put adds jobs; see [queue.Engine].
func (e *Engine) Put(ctx context.Context, entries []queue.Entry) (errs []error, err error) {
	if err := e.usable(ctx); err != nil {
		return nil, err
	}
	err = inTx(ctx, e.pool, func(tx pgx.Tx) error {
		errs, err = e.putTx(ctx, tx, entries)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("queue: %w", err)
	}
	return errs, nil
}

func (e *Engine) putTx(ctx context.Context, tx pgx.Tx, entries []queue.Entry) ([]error, error) {
	entries = slices.Clone(entries)
	errs, added := make([]error, len(entries)), make([]bool, len(entries))
	order := make([]int, len(entries)) // in which keys are locked
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return strings.Compare(entries[a].Key, entries[b].Key) })
	for _, i := range order {
		entries[i].State = queue.Waiting
		var err error
		if added[i], err = e.addKey(ctx, tx, entries[i]); errors.Is(err, ledger.ErrKeyReused) {
			errs[i] = err
		} else if err != nil {
			return nil, err
		}
	}
	var params []rivers.InsertManyParams
	var fresh []queue.Entry
	for i, entry := range entries {
		if added[i] {
			params = append(params, rivers.InsertManyParams{Args: args{entry.Key}, InsertOpts: optsOf(entry)})
			fresh = append(fresh, entry)
		}
	}
	if len(fresh) == 0 {
		return errs, nil
	}
	rows, err := e.client.InsertManyTx(ctx, tx, params)
	if err != nil {
		return nil, err
	}
	var batch pgx.Batch
	for i, row := range rows {
		batch.Queue("update depeche_mail set job_id = $2 where key = $1", fresh[i].Key, row.Job.ID)
		announce(&batch, queue.Queued, fresh[i])
	}
	return errs, tx.SendBatch(ctx, &batch).Close()
}

func optsOf(entry queue.Entry) *rivers.InsertOpts {
	const attempts = 30000 // the worker decides
	return &rivers.InsertOpts{Queue: riverQueue, Priority: priorityOf(entry.Priority), ScheduledAt: entry.At, MaxAttempts: attempts}
}

// priorityOf is one of River's four classes; 1 is first, and 3 is normal.
func priorityOf(p int) int {
	const much = 10
	switch {
	case p >= much:
		return 1
	case p > 0:
		return 2
	case p == 0:
		return 3
	}
	return 4
}

// addKey takes the key for a job; false means that the same job is known.
func (e *Engine) addKey(ctx context.Context, tx pgx.Tx, entry queue.Entry) (added bool, err error) {
	payload := entry.Payload
	entry.Payload, entry.Digest = nil, e.book.secret.Digest(entry.Digest)
	text, err := json.Marshal(entry)
	if err != nil {
		return false, err
	}
	for range 2 {
		tag, err := tx.Exec(ctx, `insert into depeche_mail (key, digest, relay, priority, entry, payload) values ($1, $2, $3, $4, $5, $6)
			on conflict do nothing`, entry.Key, entry.Digest[:], entry.Relay, entry.Priority, text, payload)
		if err != nil || tag.RowsAffected() == 1 {
			return err == nil, err
		}
		// A key counts while its job is there, and for its window after it was sent. One whose job was removed by River's
		// tools is free, unless a worker has it.
		const counts = "(m.ended_at > now() - $2::interval or m.ended_at is null and (" + standing + "))"
		var digest []byte
		err = tx.QueryRow(ctx, "select digest from depeche_mail m where key = $1 and "+counts+" for update", entry.Key, e.window).Scan(&digest)
		switch {
		case err == nil && string(digest) != string(entry.Digest[:]):
			return false, fmt.Errorf("key %q: %w", entry.Key, ledger.ErrKeyReused)
		case err == nil || !errors.Is(err, pgx.ErrNoRows):
			return false, err
		}
		// Another process may have put a job in its place since.
		if _, err := tx.Exec(ctx, "delete from depeche_mail m where key = $1 and "+counts+" is not true", entry.Key, e.window); err != nil {
			return false, err
		}
	}
	return false, fmt.Errorf("key %q is taken by others all the time", entry.Key)
}

// row is a job as it is in the tables.
type row struct {
	entry   []byte
	state   string
	attempt int
	at      time.Time
	reason  string
	outcome transport.Outcome
	payload []byte
}

const columns = "m.entry, j.state::text, j.attempt, j.scheduled_at, m.reason, m.outcome"

func (r *row) fields() []any {
	return []any{&r.entry, &r.state, &r.attempt, &r.at, &r.reason, &r.outcome}
}

// job returns the row in the words of package queue.
func (r *row) job() (queue.Entry, error) {
	var entry queue.Entry
	if err := json.Unmarshal(r.entry, &entry); err != nil {
		return entry, fmt.Errorf("a job of the queue: %w", err)
	}
	entry.Attempts, entry.Reason, entry.Outcome, entry.Payload = r.attempt, r.reason, r.outcome, r.payload
	switch r.state {
	case "running":
		entry.State = queue.Working
	case "pending":
		entry.State = queue.Parked
	default:
		entry.State = queue.Waiting
	}
	if r.attempt > 0 && entry.State == queue.Waiting {
		entry.At = r.at.UTC()
	}
	return entry, nil
}

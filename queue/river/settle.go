package river

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/depeche-mail/depeche/queue"
	"github.com/jackc/pgx/v5"
)

// mine finds the job of a lease that has not ended.
const mine = "select job_id from depeche_mail where job_id = $1 and token = $2 and until > now() for update"

// Settle ends leases; see [queue.Engine].
func (e *Engine) Settle(ctx context.Context, list []queue.Settlement) error {
	if err := e.usable(ctx); err != nil {
		return err
	}
	taken := make([]queue.Taken, len(list))
	for i, s := range list {
		taken[i] = s.Taken
	}
	return e.each(ctx, taken, func(batch *pgx.Batch, i int, l lease) {
		s := list[i]
		entry := s.Taken.Entry
		entry.Reason, entry.Outcome = s.Reason, s.Outcome
		what, state, finalized, at := queue.Delayed, "retryable", "null::timestamptz", s.At
		ended, payload := "null::timestamptz", "payload"
		switch s.Do {
		case queue.Done:
			what, state, finalized, ended, payload = queue.Sent, "completed", "now()", "now()", "null"
		case queue.Park:
			what, state = queue.Parking, "pending"
		case queue.Later:
			entry.At = s.At
		}
		if at.IsZero() {
			at = time.Unix(0, 0)
		}
		batch.Queue(`with mine as (`+mine+`),
			mail as (update depeche_mail m set token = 0, until = null, owner = 0, reason = $3, outcome = $4, ended_at = `+ended+`, payload = `+payload+`
				from mine where m.job_id = mine.job_id returning m.job_id),
			job as (update river_job j set state = '`+state+`', finalized_at = `+finalized+`, scheduled_at = $5
				from mail where j.id = mail.job_id returning j.id)
			select pg_notify('depeche_queue', $6) from job`, l.job, l.token, s.Reason, s.Outcome, at, notice(what, entry))
	})
}

// maxNotice is what a notification of PostgreSQL may have, with room to spare.
const maxNotice = 7000

// told is a change on its way to the other processes.
type told struct {
	What  queue.What  `json:"what"`
	Entry queue.Entry `json:"entry"`
}

// notice is a change as text. What is too long for it is cut.
func notice(what queue.What, entry queue.Entry) string {
	entry.Payload = nil
	text, err := json.Marshal(told{what, entry})
	if err != nil { // a time that JSON has no form for; the others look again all the same
		return "{}"
	}
	if len(text) <= maxNotice {
		return string(text)
	}
	const most = 500
	if entry.Trace == nil && len(entry.Reason) <= most { // a name of a relay without end
		return "{}"
	}
	entry.Trace, entry.Reason = nil, strings.ToValidUTF8(entry.Reason[:min(len(entry.Reason), most)], "")
	return notice(what, entry)
}

func announce(batch *pgx.Batch, what queue.What, entry queue.Entry) {
	batch.Queue("select pg_notify('depeche_queue', $1)", notice(what, entry))
}

// hear takes a change in that this or another process made.
func (e *Engine) hear(text string) {
	var t told
	if json.Unmarshal([]byte(text), &t) == nil && t.Entry.Key != "" {
		e.Tell(t.What, t.Entry)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.wake()
}

// List returns the jobs in the order of their keys; see [queue.Engine].
func (e *Engine) List(ctx context.Context) iter.Seq2[queue.Entry, error] {
	return func(yield func(queue.Entry, error) bool) {
		err := e.usable(ctx)
		var rows pgx.Rows
		if err == nil {
			rows, err = e.pool.Query(ctx, "select "+columns+` from river_job j join depeche_mail m on m.job_id = j.id
				where j.finalized_at is null order by m.key collate "C"`)
		}
		if err != nil {
			yield(queue.Entry{}, err)
			return
		}
		defer rows.Close()
		for rows.Next() {
			var r row
			entry, err := queue.Entry{}, rows.Scan(r.fields()...)
			if err == nil {
				entry, err = r.job()
			}
			if !yield(entry, err) || err != nil {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(queue.Entry{}, err)
		}
	}
}

// one locks a job as all who change it do: the mail first.
const one = "select job_id from depeche_mail where key = $1 for update"

// Cancel removes a job; see [queue.Engine].
func (e *Engine) Cancel(ctx context.Context, key string) error {
	return e.edit(ctx, key, queue.Cancelled, `with one as (`+one+`), job as (delete from river_job j using one m
			where j.id = m.job_id and j.state <> 'running' and j.finalized_at is null returning j.id),
		mail as (delete from depeche_mail m using job where m.job_id = job.id returning m.entry, m.reason)
		select entry, reason, '' from mail`)
}

// PutBack lets a parked job wait again; see [queue.Engine].
func (e *Engine) PutBack(ctx context.Context, key string, at time.Time) error {
	return e.edit(ctx, key, queue.Queued, `with one as (`+one+`), job as (update river_job j set state = 'scheduled', scheduled_at = $2, attempt = 0 from one m
			where j.id = m.job_id and j.state = 'pending' returning j.id)
		update depeche_mail m set entry = m.entry || jsonb_build_object('Start', $3::text, 'At', $3::text) from job
			where m.job_id = job.id returning m.entry, m.reason, 'scheduled'`, at, at.UTC().Format(time.RFC3339Nano))
}

// Park keeps workers from a job that waits; see [queue.Engine].
func (e *Engine) Park(ctx context.Context, key, reason string) error {
	return e.edit(ctx, key, queue.Parking, `with one as (`+one+`), job as (update river_job j set state = 'pending' from one m
			where j.id = m.job_id and j.state in ('available', 'scheduled', 'retryable') returning j.id)
		update depeche_mail m set reason = $2 from job where m.job_id = job.id returning m.entry, m.reason, 'pending'`, reason)
}

// edit changes one job by a statement that returns it, its reason and its state.
func (e *Engine) edit(ctx context.Context, key string, what queue.What, sql string, values ...any) error {
	if err := e.usable(ctx); err != nil {
		return err
	}
	return inTx(ctx, e.pool, func(tx pgx.Tx) error {
		var r row
		err := tx.QueryRow(ctx, sql, append([]any{key}, values...)...).Scan(&r.entry, &r.reason, &r.state)
		if errors.Is(err, pgx.ErrNoRows) {
			err = queue.ErrNotFound
		}
		if err != nil {
			return fmt.Errorf("key %q: %w", key, err)
		}
		entry, err := r.job()
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, "select pg_notify('depeche_queue', $1)", notice(what, entry))
		return err
	})
}

// Pause stops handing out jobs in all processes, or goes on; see [queue.Engine].
func (e *Engine) Pause(ctx context.Context, paused bool) error {
	if err := e.usable(ctx); err != nil {
		return err
	}
	sql := "delete from depeche_meta where name = 'paused'"
	if paused {
		sql = "insert into depeche_meta values ('paused', '') on conflict do nothing"
	}
	return inTx(ctx, e.pool, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, sql)
		if err == nil {
			_, err = tx.Exec(ctx, "select pg_notify('depeche_queue', '{}')")
		}
		return err
	})
}

// Paused asks the database whether the queue is paused; see [queue.Engine].
func (e *Engine) Paused(ctx context.Context) (paused bool, err error) {
	if err := e.usable(ctx); err != nil {
		return false, err
	}
	err = e.pool.QueryRow(ctx, "select exists (select from depeche_meta where name = 'paused')").Scan(&paused)
	if err != nil {
		err = fmt.Errorf("queue: %w", err)
	}
	return paused, err
}

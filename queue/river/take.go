package river

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/depeche-mail/depeche/queue"
	"github.com/jackc/pgx/v5"
)

// lease is that of a job in the hands of a worker of this process.
type lease struct {
	job   int64
	token int64 // that no other lease has
}

// Take hands out jobs that are due; see [queue.Engine]. If it may wait it waits for a database that is away too, for two minutes.
func (e *Engine) Take(ctx context.Context, want queue.Request) ([]queue.Taken, error) {
	var since time.Time // the database is away
	for {
		if err := e.usable(ctx); err != nil {
			return nil, err
		}
		e.mu.Lock()
		change := e.change
		e.mu.Unlock()
		taken, wait, err := e.takeDue(ctx, want)
		switch {
		case err == nil && (len(taken) > 0 || !want.Wait):
			return taken, nil
		case err == nil:
			since = time.Time{}
		case !away(err) || !want.Wait && !errors.Is(err, errNoSession) || !since.IsZero() && time.Since(since) > patience:
			return nil, fmt.Errorf("queue: %w", err)
		case since.IsZero():
			since = time.Now()
		}
		timer := time.NewTimer(wait)
		select {
		case <-change:
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

// takeDue takes what is due in one transaction, and says when to look again.
func (e *Engine) takeDue(ctx context.Context, want queue.Request) (taken []queue.Taken, wait time.Duration, err error) {
	const poll = 500 * time.Millisecond // leases end and times come without a notice
	err = inTx(ctx, e.pool, func(tx pgx.Tx) error {
		taken, wait = nil, poll
		var paused, marked bool
		err := tx.QueryRow(ctx, "select exists (select from depeche_meta where name = 'paused'), $2 in ("+live+")", ownerLock, e.self).Scan(&paused, &marked)
		if err != nil || paused {
			return err
		}
		if !marked {
			return errNoSession
		}
		limited := slices.AppendSeq([]string{}, maps.Keys(want.Limits))
		slices.Sort(limited) // the order in which they are locked
		for _, relay := range limited {
			n, again, err := e.reserve(ctx, tx, relay, want.Limits[relay], want.Most)
			if err != nil {
				return err
			}
			if again > 0 {
				wait = min(wait, again)
			}
			list, err := e.take(ctx, tx, selection{"m.relay = any($4)", []string{relay}, n}, want.Lease)
			if err != nil {
				return err
			}
			taken = append(taken, list...)
		}
		list, err := e.take(ctx, tx, selection{"m.relay <> all($4)", limited, want.Most - len(taken)}, want.Lease)
		taken = append(taken, list...)
		return err
	})
	return taken, wait, err
}

// dueWhere is what a job that is due looks like: its time has come, its lease has ended, or its process is gone. $1 is for live, the
// parameter for started.
func dueWhere(parameter string) string {
	return `j.queue = '` + riverQueue + `' and j.kind = 'depeche_mail' and (
		j.state in ('available', 'scheduled', 'retryable') and j.scheduled_at <= now()
		or j.state = 'running' and (m.until <= now() or m.owner not in (` + live + `) and ` + started(parameter) + `))`
}

// selection is some of the jobs that are due.
type selection struct {
	which  string // an expression
	relays []string
	most   int
}

// take takes jobs that are due.
func (e *Engine) take(ctx context.Context, tx pgx.Tx, of selection, long time.Duration) ([]queue.Taken, error) {
	if of.most <= 0 {
		return nil, nil
	}
	rows, err := tx.Query(ctx, `with due as (
			select j.id, case when j.state = 'running' and m.until > now() then m.owner else 0 end as dead
			from river_job j join depeche_mail m on m.job_id = j.id where `+dueWhere("$6")+` and `+of.which+`
			order by j.priority, m.priority desc, j.scheduled_at, j.id limit $5 for update of j, m skip locked),
		leased as (
			update depeche_mail m set token = nextval('depeche_token'), owner = $2, until = now() + $3::interval
			from due where m.job_id = due.id returning m.*, due.dead)
		update river_job j set state = 'running', attempt = least(j.attempt + 1, 30000), attempted_at = now(),
			attempted_by = array['depeche ' || $2::bigint::text]
		from leased m where m.job_id = j.id
		returning m.dead, j.id, m.token, m.payload, `+columns, ownerLock, e.self, long, of.relays, of.most, restart)
	if err != nil {
		return nil, err
	}
	var taken []queue.Taken
	var dead []int64
	for rows.Next() {
		var r row
		var l lease
		var from int64
		if err := rows.Scan(append([]any{&from, &l.job, &l.token, &r.payload}, r.fields()...)...); err != nil {
			rows.Close()
			return nil, err
		}
		entry, err := r.job()
		if err != nil {
			rows.Close()
			return nil, err
		}
		taken = append(taken, queue.Taken{Entry: entry, Lease: l})
		if from != 0 {
			dead = append(dead, from)
		}
	}
	if err := rows.Err(); err != nil || len(taken) == 0 {
		return nil, err
	}
	if err := gone(ctx, tx, dead); err != nil {
		return nil, err
	}
	var batch pgx.Batch
	for _, t := range taken {
		announce(&batch, queue.Sending, t.Entry)
	}
	return taken, tx.SendBatch(ctx, &batch).Close()
}

// gone makes sure that processes from which jobs are taken over do not live, now that the jobs are locked. In a statement PostgreSQL looks once who
// lives, and at a row that was changed meanwhile as it is then: it may be that of a process which came after that look.
func gone(ctx context.Context, tx pgx.Tx, dead []int64) error {
	if len(dead) == 0 {
		return nil
	}
	var lives bool
	err := tx.QueryRow(ctx, "select $2::bigint[] && array("+live+")", ownerLock, dead).Scan(&lives)
	if err == nil && lives {
		err = errRaced
	}
	return err
}

// reserve takes places at a relay with a limit for jobs that are due.
func (e *Engine) reserve(ctx context.Context, tx pgx.Tx, relay string, limit queue.Limit, most int) (granted int, wait time.Duration, err error) {
	var due int
	err = tx.QueryRow(ctx, `select count(*) from (select from river_job j join depeche_mail m on m.job_id = j.id where `+dueWhere("$4")+`
		and m.relay = $2 limit $3) x`, ownerLock, relay, most, restart).Scan(&due)
	if err != nil || due == 0 {
		return 0, 0, err
	}
	if _, err := tx.Exec(ctx, "insert into depeche_limit values ($1, 'epoch') on conflict do nothing", relay); err != nil {
		return 0, 0, err
	}
	var cell, now time.Time
	if err := tx.QueryRow(ctx, "select cell, clock_timestamp() from depeche_limit where relay = $1 for update", relay).Scan(&cell, &now); err != nil {
		return 0, 0, err
	}
	granted, next, wait := limit.Reserve(cell, now, due)
	if granted > 0 {
		_, err = tx.Exec(ctx, "update depeche_limit set cell = $2 where relay = $1", relay, next)
	}
	return granted, wait, err
}

// Extend makes leases end later; see [queue.Engine].
func (e *Engine) Extend(ctx context.Context, taken []queue.Taken, long time.Duration) error {
	if err := e.usable(ctx); err != nil {
		return err
	}
	return e.each(ctx, taken, func(batch *pgx.Batch, i int, l lease) {
		batch.Queue(`with leased as (update depeche_mail set until = now() + $3::interval where job_id = $1 and token = $2 and until > now() returning job_id)
			update river_job j set attempted_at = now() from leased where j.id = leased.job_id and j.state = 'running'`, l.job, l.token, long)
	})
}

// each does one statement for each lease; one that changes nothing has lost it.
func (e *Engine) each(ctx context.Context, taken []queue.Taken, do func(batch *pgx.Batch, i int, l lease)) error {
	var errs []error
	order := make([]int, len(taken)) // in which jobs are locked
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return strings.Compare(taken[a].Entry.Key, taken[b].Entry.Key) })
	err := inTx(ctx, e.pool, func(tx pgx.Tx) error {
		errs = nil
		var batch pgx.Batch
		for _, i := range order {
			l, _ := taken[i].Lease.(lease)
			do(&batch, i, l)
		}
		results := tx.SendBatch(ctx, &batch)
		for _, i := range order {
			tag, err := results.Exec()
			if err != nil {
				return errors.Join(err, results.Close())
			}
			if tag.RowsAffected() == 0 {
				errs = append(errs, fmt.Errorf("key %q: %w", taken[i].Entry.Key, queue.ErrLease))
			}
		}
		return results.Close()
	})
	if err != nil {
		return fmt.Errorf("queue: %w", err)
	}
	return errors.Join(errs...)
}

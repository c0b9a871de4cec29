package river

import (
	"context"
	"time"

	"github.com/depeche-mail/depeche/ledger"
)

const (
	// sweepEvery is how often what is past its window is looked for.
	sweepEvery = time.Hour
	// sweepRound is how many rows are deleted in one statement, so that no other call waits long.
	sweepRound = 1000
)

// A sweep deletes rows, as many as its last parameter says. What another transaction has is left for the next time.
type sweep struct {
	sql    string
	values []any
}

// sweeps returns what is deleted in a queue with this window.
func sweeps(window time.Duration) []sweep {
	return []sweep{
		// Keys of mail that was sent.
		{`delete from depeche_mail where key in (select key from depeche_mail
			where ended_at < now() - $1::interval order by ended_at limit $2 for update skip locked)`, []any{window}},
		// Mail whose job was removed by River's tools, and that no worker has.
		{`delete from depeche_mail where key in (select m.key from depeche_mail m
			where m.ended_at is null and (` + standing + `) is not true limit $1 for update skip locked)`, nil},
		// Jobs that have ended, as River's cleaner does where River's workers run.
		{`delete from river_job where id in (select id from river_job where state in ('completed', 'cancelled', 'discarded')
			and finalized_at < now() - $1::interval and kind = 'depeche_mail' and queue = '` + riverQueue + `' limit $2 for update skip locked)`, []any{min(window, 24*time.Hour)}},
		// Entries of the ledger.
		{`delete from depeche_ledger where (key, recipient) in (select key, recipient from depeche_ledger
			where keep_until < now() order by keep_until limit $1 for update skip locked)`, nil},
	}
}

// sweepAll deletes what is past its window, now and then, until life ends. What fails is left for the next time.
func (e *Engine) sweepAll(life context.Context) {
	ticks := time.NewTicker(sweepEvery)
	defer ticks.Stop()
	for {
		_ = e.sweep(life)
		select {
		case <-ticks.C:
		case <-life.Done():
			return
		}
	}
}

// sweep deletes all that is past its window, in rounds. It is not for a process that does not know the window.
func (e *Engine) sweep(ctx context.Context) error {
	if e.window == ledger.Forever {
		return nil
	}
	for _, s := range sweeps(e.window) {
		for {
			tag, err := e.pool.Exec(ctx, s.sql, append(s.values, sweepRound)...)
			if err != nil {
				return err
			}
			if tag.RowsAffected() < sweepRound {
				break
			}
		}
	}
	return nil
}

package river

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/depeche-mail/depeche/ledger"
	"github.com/jackc/pgx/v5"
)

// Claim answers claims; see [ledger.Ledger]. All are written in one transaction.
func (l *Ledger) Claim(ctx context.Context, claims []ledger.Claim) ([]ledger.Grant, error) {
	var d claiming
	for begin := time.Now(); ; {
		err := inTx(ctx, l.pool, func(tx pgx.Tx) error {
			d.drop() // of a try before
			d = claiming{Ledger: l}
			return d.run(ctx, tx, claims)
		})
		switch {
		case err == nil:
			return d.grants, nil
		case d.decided && !passing(err): // it may be committed all the same: then it is to be ended
			l.later(d.unsent())
			return nil, fmt.Errorf("ledger: %w", err)
		}
		d.drop()
		if !errors.Is(err, errNoSession) || time.Since(begin) > answerWithin {
			return nil, fmt.Errorf("ledger: %w", err)
		}
		rest(ctx, maxTries)
	}
}

// unsent are the ends of claims of which it is not known whether they were written.
func (d *claiming) unsent() (ends []ledger.Ended) {
	for _, g := range d.grants {
		if g.Answer == ledger.Send {
			ends = append(ends, ledger.Ended{Grant: g})
		}
	}
	return ends
}

// claiming is the claims of one call.
type claiming struct {
	*Ledger

	grants  []ledger.Grant
	writes  []write
	decided bool
}

func (d *claiming) run(ctx context.Context, tx pgx.Tx, claims []ledger.Claim) error {
	places := make([]place, len(claims))
	for i, c := range claims {
		places[i] = d.place(c.Key, c.Recipient)
	}
	found, err := find(ctx, tx, places, "for update of l")
	if err != nil {
		return err
	}
	alive, err := living(ctx, tx) // after the rows are locked: a process that came since may have written them
	if err != nil {
		return err
	}
	if !alive[d.owner] {
		return errNoSession
	}
	if err := d.decide(claims, places, found, alive); err != nil {
		return err
	}
	return d.write(ctx, tx)
}

func (d *claiming) decide(claims []ledger.Claim, places []place, found map[place]*ledger.Entry, alive map[int64]bool) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.decided = true
	for i, c := range claims {
		if d.count++; d.count>>ownerShift != 0 {
			return errors.New("this process has made all claims that it may; open the queue again")
		}
		e := found[places[i]]
		holder := ledger.Holder{Alive: d.holds(e, alive), Fence: uint64(d.owner)<<ownerShift | d.count, Now: now()}
		next, grant := d.rules.Claim(e, d.secret.Claim(c), holder)
		if next != nil {
			w := write{at: places[i], next: next}
			if e != nil {
				w.seen = e.Fence
			}
			d.writes = append(d.writes, w)
			d.held[next.Fence] = next
			found[places[i]] = next // for the same once more in this call
		}
		d.grants = append(d.grants, grant)
	}
	return nil
}

// write writes what was decided. An entry that was not there is added, unless another process was faster.
func (d *claiming) write(ctx context.Context, tx pgx.Tx) error {
	var fresh, old []write
	for _, w := range d.writes {
		if w.seen == 0 {
			fresh = append(fresh, w)
		} else {
			old = append(old, w)
		}
	}
	if len(fresh) > 0 {
		tag, err := tx.Exec(ctx, `insert into depeche_ledger (key, recipient, fence, over, entry, keep_until) select key, recipient, fence, over, entry, keep_until from `+
			arrays+" on conflict do nothing", d.columnsOf(sorted(fresh))...)
		if err == nil && int(tag.RowsAffected()) < len(fresh) {
			err = errRaced
		}
		if err != nil {
			return err
		}
	}
	if len(old) == 0 {
		return nil
	}
	done, err := d.replace(ctx, tx, sorted(old), "")
	if err == nil && len(done) < len(old) {
		err = errRaced
	}
	return err
}

// drop forgets claims that were not written.
func (d *claiming) drop() {
	if d.Ledger == nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, w := range d.writes {
		delete(d.held, w.next.Fence)
	}
}

// Ending writes that content is about to leave; see [ledger.Ledger].
func (l *Ledger) Ending(ctx context.Context, grants []ledger.Grant) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var list []write
	l.mu.Lock()
	for _, g := range grants {
		e := l.held[g.Fence]
		next, err := l.rules.Ending(e, g.Fence, now())
		if err != nil {
			l.mu.Unlock()
			return fmt.Errorf("key %q: %w", g.Key, err)
		}
		list = append(list, write{l.place(g.Key, g.Recipient), g.Fence, next})
	}
	l.mu.Unlock()
	return inTx(ctx, l.pool, func(tx pgx.Tx) error {
		done, err := l.lockAndReplace(ctx, tx, list)
		if err != nil {
			return fmt.Errorf("ledger: %w", err)
		}
		for _, g := range grants {
			if !done[l.place(g.Key, g.Recipient)] {
				return fmt.Errorf("key %q: %w", g.Key, ledger.ErrFenced)
			}
		}
		return nil
	})
}

// End writes how sends ended; see [ledger.Ledger]. What the database does not take is written when it does, while this process lives.
func (l *Ledger) End(ctx context.Context, ends []ledger.Ended) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return l.end(ctx, ends)
}

func (l *Ledger) end(ctx context.Context, ends []ledger.Ended) error {
	var errs []error
	var list []write
	var known []ledger.Ended
	l.mu.Lock()
	for _, e := range ends {
		next, err := l.rules.End(l.held[e.Grant.Fence], e.Grant.Fence, e.Fate, now())
		if err != nil {
			delete(l.held, e.Grant.Fence)
			errs = append(errs, fmt.Errorf("key %q: %w", e.Grant.Key, err))
			continue
		}
		list, known = append(list, write{l.place(e.Grant.Key, e.Grant.Recipient), e.Grant.Fence, next}), append(known, e)
	}
	l.mu.Unlock()
	if len(list) == 0 {
		return errors.Join(errs...)
	}
	var done map[place]bool
	err := inTx(ctx, l.pool, func(tx pgx.Tx) (err error) {
		done, err = l.lockAndReplace(ctx, tx, list)
		return err
	})
	if err != nil { // how they ended is not known yet
		l.later(known)
		return errors.Join(append(errs, fmt.Errorf("ledger: %w", err))...)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range known {
		delete(l.held, e.Grant.Fence)
		if !done[l.place(e.Grant.Key, e.Grant.Recipient)] {
			errs = append(errs, fmt.Errorf("key %q: %w", e.Grant.Key, ledger.ErrFenced))
		}
	}
	return errors.Join(errs...)
}

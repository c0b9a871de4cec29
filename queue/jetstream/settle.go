package jetstream

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/depeche-mail/depeche/queue"
)

func errLease(t *taken) error { return fmt.Errorf("key %q: %w", t.job.Key, queue.ErrLease) }

// held returns the lease of a job, nil if it has ended by our clock.
func held(t queue.Taken) *taken {
	lease, ok := t.Lease.(*taken)
	if !ok || lease.over || !time.Now().Before(lease.until) {
		return nil
	}
	return lease
}

// Extend makes leases end later; see [queue.Engine].
func (e *Engine) Extend(ctx context.Context, list []queue.Taken, lease time.Duration) error {
	if err := e.usable(ctx); err != nil {
		return err
	}
	e.keep.Lock()
	defer e.keep.Unlock()
	var errs []error
	var good []*taken
	for _, t := range list {
		l := held(t)
		if l == nil {
			errs = append(errs, fmt.Errorf("key %q: %w", t.Entry.Key, queue.ErrLease))
			continue
		}
		l.job.Lease, l.job.Extended = lease, true
		good = append(good, l)
	}
	if len(good) == 0 {
		return errors.Join(errs...)
	}
	if e.alone {
		return errors.Join(append(errs, e.prolong(good, lease)...)...)
	}
	err := e.update(ctx, good)
	if !errors.Is(err, errConflict) {
		return errors.Join(append(errs, err)...)
	}
	for _, l := range good {
		if err := e.update(ctx, []*taken{l}); errors.Is(err, errConflict) {
			l.over = true
			errs = append(errs, errLease(l))
		} else {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// Settle ends leases; see [queue.Engine].
func (e *Engine) Settle(ctx context.Context, list []queue.Settlement) error {
	if err := e.usable(ctx); err != nil {
		return err
	}
	e.keep.RLock()
	defer e.keep.RUnlock()
	var errs []error
	var good []queue.Settlement
	var ends []func()
	defer func() {
		for _, end := range ends {
			end()
		}
	}()
	for _, s := range list {
		if l := held(s.Taken); l != nil {
			if end, ok := e.settles(l); ok {
				good, ends = append(good, s), append(ends, end)
				continue
			}
		}
		errs = append(errs, fmt.Errorf("key %q: %w", s.Taken.Entry.Key, queue.ErrLease))
	}
	for len(good) > 0 {
		n, records := 0, 0
		for n < len(good) {
			if records += 1 + good[n].Taken.Lease.(*taken).job.Parts; records > maxBatch && n > 0 {
				break
			}
			n++
		}
		errs = append(errs, e.settleBatch(ctx, good[:n])...)
		good = good[n:]
	}
	return errors.Join(errs...)
}

// settleBatch writes settlements in one batch; if another worker has one of the jobs, one by one.
func (e *Engine) settleBatch(ctx context.Context, list []queue.Settlement) []error {
	err := e.settle(ctx, list)
	if !errors.Is(err, errConflict) {
		return []error{err}
	}
	var errs []error
	for _, s := range list {
		err := e.settle(ctx, []queue.Settlement{s})
		if errors.Is(err, errConflict) {
			err = errLease(s.Taken.Lease.(*taken))
		}
		errs = append(errs, err)
	}
	return errs
}

func (e *Engine) settle(ctx context.Context, list []queue.Settlement) error {
	var changes []change
	jobs, at := make([]job, len(list)), make([]int, len(list))
	for i, s := range list {
		t := s.Taken.Lease.(*taken)
		j := settled(t.job, s)
		head, err := j.head()
		if err != nil {
			return err
		}
		c := change{subject: e.jobSubject(t.id), seen: t.seen, head: head, data: t.payload}
		if j.Gone != "" {
			c.data, c.keep = nil, lasting(e.window)
			changes = append(changes, e.dropParts(t.id, t.job.Parts)...)
		}
		jobs[i], at[i], changes = j, len(changes), append(changes, c)
	}
	first, err := e.jobs.write(ctx, changes)
	if err != nil {
		return err
	}
	for i, s := range list {
		s.Taken.Lease.(*taken).over = true
		e.note(&record{subject: changes[at[i]].subject, seq: first + uint64(at[i])}, jobs[i], false)
	}
	return nil
}

// settled is the job after an attempt.
func settled(j job, s queue.Settlement) job {
	j.Reason, j.Outcome, j.Owner, j.Lease, j.Extended = s.Reason, s.Outcome, 0, 0, false
	switch s.Do {
	case queue.Done:
		j.Gone, j.Ended = goneSent, time.Now().UTC()
	case queue.Park:
		j.State = queue.Parked
	case queue.Later:
		j.State, j.At = queue.Waiting, s.At
	}
	return j
}

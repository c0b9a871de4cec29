package jetstream

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/depeche-mail/depeche/queue"
)

// readAll reads the records of jobs, and returns the leases of those that may be taken.
func (e *Engine) readAll(ctx context.Context, jobs []slot, lease time.Duration) (list []*taken, err error) {
	subjects := make([]string, len(jobs))
	for i, s := range jobs {
		subjects[i] = e.jobSubject(s.id)
	}
	found, err := e.jobs.read(ctx, subjects)
	if err == nil {
		err = e.readLate(ctx, jobs, found)
	}
	if err != nil {
		return nil, fmt.Errorf("queue: %w", err)
	}
	now := time.Now()
	var missing []slot
	for i, s := range jobs {
		r := found[subjects[i]]
		if r.deleted() {
			missing = append(missing, s)
			continue
		}
		j, err := readJob(r)
		if err != nil {
			return nil, err
		}
		if !e.mayTake(s, r, j, now) {
			continue
		}
		j.State, j.Owner, j.Lease, j.Extended = queue.Working, e.owners.self, lease, false
		j.Attempts++
		list = append(list, &taken{id: s.id, job: j, payload: r.data, seen: r.seq})
	}
	return list, e.bury(ctx, missing)
}

// readLate reads again what a server that follows has in an earlier form than this process knows of.
func (e *Engine) readLate(ctx context.Context, jobs []slot, found map[string]*record) error {
	var late []string
	for _, s := range jobs {
		subject := e.jobSubject(s.id)
		if r := found[subject]; r != nil && r.seq < s.seq() {
			late = append(late, subject)
		}
	}
	newest, err := e.jobs.readNewest(ctx, late)
	if err == nil {
		for _, subject := range late {
			found[subject] = newest[subject]
		}
	}
	return err
}

// mayTake reports whether a job is due. The record may be newer than what the index knew when the job was picked: then the index
// learns when it is due. A job that the index has forgotten since was ended.
func (e *Engine) mayTake(was slot, r *record, j job, now time.Time) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if _, known := e.index.find(was.id); !known {
		return false
	}
	e.learn(was.id, r.seq, j, false)
	return j.Gone == "" && (j.State == queue.Waiting && !j.At.After(now) || j.State == queue.Working) && e.index.free(was.id, now)
}

// bury forgets jobs without a record: they were ended, and the mark of it is deleted. That they have none is made sure of by a
// compare-and-set, because the server that was asked may lag; it tells other processes too.
func (e *Engine) bury(ctx context.Context, jobs []slot) error {
	if len(jobs) == 0 {
		return nil
	}
	subjects := make([]string, len(jobs))
	for i, s := range jobs {
		subjects[i] = e.jobSubject(s.id)
	}
	found, err := e.jobs.readNewest(ctx, subjects)
	if err != nil {
		return fmt.Errorf("queue: %w", err)
	}
	gone := job{Gone: goneEarlier}
	head, err := gone.head()
	if err != nil {
		return err
	}
	var changes []change
	for _, s := range jobs {
		subject := e.jobSubject(s.id)
		if r := found[subject]; r == nil {
			changes = append(changes, change{subject: subject, head: head, keep: marked})
		} else if j, err := readJob(r); err == nil {
			e.mayTake(s, r, j, time.Now())
		}
	}
	if len(changes) == 0 {
		return nil
	}
	first, err := e.jobs.write(ctx, changes)
	if errors.Is(err, errConflict) {
		return nil // there is one: it is asked for again
	}
	if err != nil {
		return fmt.Errorf("queue: %w", err)
	}
	for i, c := range changes {
		e.note(&record{subject: c.subject, seq: first + uint64(i)}, gone, false)
	}
	return nil
}

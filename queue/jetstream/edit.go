package jetstream

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/depeche-mail/depeche/queue"
)

// List returns the jobs in the order of their keys; see [queue.Engine]. They are collected first.
func (e *Engine) List(ctx context.Context) iter.Seq2[queue.Entry, error] {
	return func(yield func(queue.Entry, error) bool) {
		list, err := e.list(ctx)
		if err != nil {
			yield(queue.Entry{}, err)
			return
		}
		for _, entry := range list {
			if !yield(entry, nil) {
				return
			}
		}
	}
}

func (e *Engine) list(ctx context.Context) ([]queue.Entry, error) {
	if err := e.usable(ctx); err != nil {
		return nil, err
	}
	newest := map[string]queue.Entry{}
	err := e.jobs.scan(ctx, e.jobs.name+".job.*", func() { clear(newest) }, func(r *record) error {
		j, err := readJob(r)
		if err != nil {
			return err
		}
		delete(newest, r.subject)
		if j.Gone == "" {
			newest[r.subject] = j.entry()
		}
		return nil
	})
	list := make([]queue.Entry, 0, len(newest))
	e.mu.Lock()
	for _, entry := range newest {
		list = append(list, e.withLeases(entry))
	}
	e.mu.Unlock()
	slices.SortFunc(list, func(a, b queue.Entry) int { return cmp.Compare(a.Key, b.Key) })
	return list, err
}

// Cancel removes a job; see [queue.Engine].
func (e *Engine) Cancel(ctx context.Context, key string) error {
	return e.edit(ctx, key, func(j *job) bool {
		j.Gone, j.Ended = goneCancelled, time.Now().UTC()
		return j.State != queue.Working
	})
}

// PutBack lets a parked job wait again; see [queue.Engine].
func (e *Engine) PutBack(ctx context.Context, key string, at time.Time) error {
	return e.edit(ctx, key, func(j *job) bool {
		was := j.State
		j.State, j.At, j.Start, j.Attempts = queue.Waiting, at, at, 0
		return was == queue.Parked
	})
}

// Park keeps workers from a job that waits; see [queue.Engine].
func (e *Engine) Park(ctx context.Context, key, reason string) error {
	return e.edit(ctx, key, func(j *job) bool {
		was := j.State
		j.State, j.Reason = queue.Parked, reason
		return was == queue.Waiting
	})
}

// edit changes a job that no worker has.
func (e *Engine) edit(ctx context.Context, key string, do func(*job) bool) error {
	if err := e.usable(ctx); err != nil {
		return err
	}
	id := idOf(key)
	subject := e.jobSubject(id)
	lends, done, err := e.edited(id, key)
	if err != nil {
		return err
	}
	defer done()
	return tries(ctx, func() error {
		r, err := e.jobs.readOne(ctx, subject)
		if err != nil {
			return fmt.Errorf("queue: %w", err)
		}
		var j job
		if !r.deleted() {
			if j, err = readJob(r); err != nil {
				return err
			}
		}
		j.Attempts += lends
		if j.Key != key || j.Gone != "" || !do(&j) {
			return fmt.Errorf("key %q: %w", key, queue.ErrNotFound)
		}
		head, err := j.head()
		if err != nil {
			return err
		}
		changes := []change{{subject: subject, seen: r.seq, head: head, data: r.data}}
		if j.Gone != "" {
			changes[0].data, changes[0].keep = nil, marked // its key is free at once
			changes = append(changes, e.dropParts(id, j.Parts)...)
		}
		first, err := e.jobs.write(ctx, changes)
		if err == nil {
			e.note(&record{subject: subject, seq: first}, j, false)
		}
		return err
	})
}

package jetstream

import (
	"fmt"
	"time"

	"github.com/depeche-mail/depeche/queue"
)

// A process that is alone with its folder keeps leases in memory: no other could read them, and after a restart none counts. So a job is written
// when it comes and when it is settled, and its mail once. What is kept elsewhere by the number of a record, that no two change a job at the same
// time, is kept here by the lock of the engine.

// lendAll lends jobs to a worker of this process, and returns those that are free.
func (e *Engine) lendAll(list []*taken) (lent []*taken) {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := time.Now()
	for _, t := range list {
		if e.editing[t.id] > 0 || !e.index.lend(t, now) {
			continue
		}
		lent = append(lent, t)
		e.Tell(queue.Sending, t.job.entry())
	}
	return lent
}

// takeBack ends leases of jobs that no worker got.
func (e *Engine) takeBack(list []*taken) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, t := range list {
		e.index.takeBack(t, time.Now())
	}
}

// prolong makes leases end later that are in memory.
func (e *Engine) prolong(list []*taken, lease time.Duration) (errs []error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := time.Now()
	for _, t := range list {
		if !e.index.lentTo(t) {
			errs = append(errs, errLease(t))
			continue
		}
		t.until = now.Add(lease)
		e.index.prolong(t)
	}
	return errs
}

// lent reports whether a worker has the job by a lease in memory.
func (e *Engine) lent(t *taken) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.index.lentTo(t)
}

// edited keeps workers from a job until done is called. If a worker has it the error is [queue.ErrNotFound].
func (e *Engine) edited(id jobID, key string) (done func(), err error) {
	if !e.alone {
		return func() {}, nil
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.index.free(id, time.Now()) && e.index.lends(id) > 0 {
		return nil, fmt.Errorf("key %q: %w", key, queue.ErrNotFound)
	}
	e.editing[id]++
	return func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		if e.editing[id]--; e.editing[id] == 0 {
			delete(e.editing, id)
		}
	}, nil
}

// withLeases is a job as it is with the leases that are in memory.
func (e *Engine) withLeases(entry queue.Entry) queue.Entry {
	if n := e.index.lends(idOf(entry.Key)); n > 0 {
		entry.State, entry.Attempts = queue.Working, entry.Attempts+n
	}
	return entry
}

package jetstream

import (
	"fmt"
	"time"

	"github.com/depeche-mail/depeche/queue"
)

// A process that is alone with its folder keeps leases in memory: no other could read them, and after a restart none counts. So a job is written
// when it comes and when it is settled, and its mail once. That no two change a job at the same time is kept elsewhere by the number of its
// record. Here it is kept by the lock of the engine, and for as long as a write takes by editing.

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
	if len(lent) > 0 {
		e.changed() // who waits for a job waits for the ends of these leases
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
	e.changed()
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
	e.changed()
	return errs
}

// settles keeps workers from a job whose worker settles it, also after the end of its lease, until done is called. It reports false if it
// has the job no longer.
func (e *Engine) settles(t *taken) (done func(), ok bool) {
	if !e.alone {
		return func() {}, true
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.index.lentTo(t) || !time.Now().Before(t.until) {
		return nil, false
	}
	return e.keepFrom(t.id), true
}

// keepFrom keeps workers from a job until done is called. It is called with the lock held.
func (e *Engine) keepFrom(id jobID) (done func()) {
	e.editing[id]++
	return func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		if e.editing[id]--; e.editing[id] == 0 {
			delete(e.editing, id)
		}
	}
}

// edited keeps workers from a job until done is called, and returns how many attempts its record does not count. If a worker has it the error
// is [queue.ErrNotFound].
func (e *Engine) edited(id jobID, key string) (lends int, done func(), err error) {
	if !e.alone {
		return 0, func() {}, nil
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	lends = e.index.lends(id)
	if !e.index.free(id, time.Now()) && lends > 0 {
		return 0, nil, fmt.Errorf("key %q: %w", key, queue.ErrNotFound)
	}
	return lends, e.keepFrom(id), nil
}

// withLeases is a job as it is with the leases that are in memory.
func (e *Engine) withLeases(entry queue.Entry) queue.Entry {
	id := idOf(entry.Key)
	n := e.index.lends(id)
	if entry.Attempts += n; n > 0 && !e.index.free(id, time.Now()) {
		entry.State = queue.Working
	}
	return entry
}

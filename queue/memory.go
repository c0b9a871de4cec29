package queue

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/depeche-mail/depeche/ledger"
)

// Memory is an [Engine] whose jobs end with the process. Its time is that of package time, so a test in a bubble of
// testing/synctest lets schedules and leases pass without waiting.
type Memory struct {
	mu     sync.Mutex
	jobs   map[string]*memoryJob
	ended  map[string]endedJob
	paused bool
	closed bool
	lease  uint64
	change chan struct{} // closed and made anew when a waiting Take must look again
	book   *ledger.Memory
}

type memoryJob struct {
	Entry

	lease uint64
	until time.Time // the end of the lease
}

type endedJob struct {
	digest ledger.Digest
	at     time.Time
}

// NewMemory returns an engine without jobs.
func NewMemory() *Memory {
	return &Memory{jobs: map[string]*memoryJob{}, ended: map[string]endedJob{}, change: make(chan struct{}), book: ledger.NewMemory()}
}

// changed wakes every Take that waits. It is called with the lock held.
func (m *Memory) changed() {
	close(m.change)
	m.change = make(chan struct{})
}

// usable returns why nothing can be done. It is called with the lock held.
func (m *Memory) usable(ctx context.Context) error {
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case m.closed:
		return ErrClosed
	}
	return nil
}

// Put adds jobs; see [Engine].
func (m *Memory) Put(ctx context.Context, entries []Entry) ([]error, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.usable(ctx); err != nil {
		return nil, err
	}
	maps.DeleteFunc(m.ended, func(_ string, e endedJob) bool { return time.Since(e.at) > ledger.DefaultWindow })
	errs := make([]error, len(entries))
	for i, e := range entries {
		known, found := m.ended[e.Key]
		if job, ok := m.jobs[e.Key]; ok {
			known.digest, found = job.Digest, true
		}
		switch {
		case found && known.digest != e.Digest:
			errs[i] = fmt.Errorf("key %q: %w", e.Key, ledger.ErrKeyReused)
		case !found:
			e.State = Waiting
			m.jobs[e.Key] = &memoryJob{Entry: e}
		}
	}
	m.changed()
	return errs, nil
}

// Take hands out jobs that are due; see [Engine].
func (m *Memory) Take(ctx context.Context, limit int, lease time.Duration, wait bool) ([]Taken, error) {
	for {
		m.mu.Lock()
		if err := m.usable(ctx); err != nil {
			m.mu.Unlock()
			return nil, err
		}
		taken, next := m.due(limit, lease)
		change := m.change
		m.mu.Unlock()
		if len(taken) > 0 || !wait {
			return taken, nil
		}
		timer := time.NewTimer(next)
		select {
		case <-change:
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

// due leases jobs that are due, and says after what time another may be.
func (m *Memory) due(limit int, lease time.Duration) ([]Taken, time.Duration) {
	next, now := time.Hour, time.Now()
	var list []*memoryJob
	for _, job := range m.jobs {
		at := job.At
		if job.State == Working {
			at = job.until
		}
		switch {
		case job.State == Parked || m.paused:
		case at.After(now):
			next = min(next, at.Sub(now))
		default:
			list = append(list, job)
		}
	}
	slices.SortFunc(list, func(a, b *memoryJob) int {
		return cmp.Or(cmp.Compare(b.Priority, a.Priority), a.At.Compare(b.At), a.Enqueued.Compare(b.Enqueued), cmp.Compare(a.Key, b.Key))
	})
	taken := make([]Taken, 0, min(limit, len(list)))
	for _, job := range list[:min(limit, len(list))] {
		m.lease++
		job.State, job.lease, job.until = Working, m.lease, now.Add(lease)
		job.Attempts++
		taken = append(taken, Taken{Entry: job.Entry, Lease: m.lease})
	}
	return taken, next
}

// held returns the job of a lease that has not ended; nil if it has.
func (m *Memory) held(t Taken) *memoryJob {
	job := m.jobs[t.Entry.Key]
	if job == nil || job.State != Working || any(job.lease) != t.Lease || !time.Now().Before(job.until) {
		return nil
	}
	return job
}

// Extend makes leases end later; see [Engine].
func (m *Memory) Extend(ctx context.Context, taken []Taken, lease time.Duration) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.usable(ctx); err != nil {
		return err
	}
	var errs []error
	for _, t := range taken {
		if job := m.held(t); job != nil {
			job.until = time.Now().Add(lease)
		} else {
			errs = append(errs, fmt.Errorf("key %q: %w", t.Entry.Key, ErrLease))
		}
	}
	return errors.Join(errs...)
}

// Settle ends leases; see [Engine].
func (m *Memory) Settle(ctx context.Context, list []Settlement) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.usable(ctx); err != nil {
		return err
	}
	var errs []error
	for _, s := range list {
		job := m.held(s.Taken)
		if job == nil {
			errs = append(errs, fmt.Errorf("key %q: %w", s.Taken.Entry.Key, ErrLease))
			continue
		}
		switch job.Reason = s.Reason; s.Do {
		case Done:
			m.ended[job.Key] = endedJob{job.Digest, time.Now()}
			delete(m.jobs, job.Key)
		case Park:
			job.State = Parked
		case Later:
			job.State, job.At = Waiting, s.At
		}
	}
	m.changed()
	return errors.Join(errs...)
}

// List returns the jobs; see [Engine].
func (m *Memory) List(ctx context.Context) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		m.mu.Lock()
		err := m.usable(ctx)
		var list []Entry
		for _, job := range m.jobs {
			e := job.Entry
			e.Payload = nil
			list = append(list, e)
		}
		m.mu.Unlock()
		if err != nil {
			yield(Entry{}, err)
			return
		}
		slices.SortFunc(list, func(a, b Entry) int { return cmp.Compare(a.Key, b.Key) })
		for _, e := range list {
			if !yield(e, nil) {
				return
			}
		}
	}
}

// Cancel removes a job; see [Engine].
func (m *Memory) Cancel(ctx context.Context, key string) error {
	return m.edit(ctx, key, func(job *memoryJob) bool {
		if job.State == Working {
			return false
		}
		delete(m.jobs, key) // its key may be used again
		return true
	})
}

// PutBack lets a parked job wait again; see [Engine].
func (m *Memory) PutBack(ctx context.Context, key string, at time.Time) error {
	return m.edit(ctx, key, func(job *memoryJob) bool {
		if job.State != Parked {
			return false
		}
		job.State, job.At, job.Start, job.Attempts = Waiting, at, at, 0
		return true
	})
}

func (m *Memory) edit(ctx context.Context, key string, change func(*memoryJob) bool) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.usable(ctx); err != nil {
		return err
	}
	job := m.jobs[key]
	if job == nil || !change(job) {
		return fmt.Errorf("key %q: %w", key, ErrNotFound)
	}
	m.changed()
	return nil
}

// Pause stops handing out jobs, or goes on; see [Engine].
func (m *Memory) Pause(ctx context.Context, paused bool) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.usable(ctx); err != nil {
		return err
	}
	m.paused = paused
	m.changed()
	return nil
}

// Ledger returns the ledger of the workers.
func (m *Memory) Ledger() ledger.Ledger { return m.book }

// Close ends waiting calls.
func (m *Memory) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.closed {
		m.closed = true
		m.changed()
	}
	return nil
}

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
	// Window is how long the key of a job that has ended is remembered: 0 means [ledger.DefaultWindow], negative not at
	// all. It may be set before the first call.
	Window time.Duration

	mu     sync.Mutex
	times  schedule
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
	slot  uint64    // of the schedule
}

type endedJob struct {
	digest ledger.Digest
	at     time.Time
}

// NewMemory returns an engine without jobs.
func NewMemory() *Memory {
	return &Memory{jobs: map[string]*memoryJob{}, ended: map[string]endedJob{}, change: make(chan struct{}), book: ledger.NewMemory(), times: newSchedule()}
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
	errs := make([]error, len(entries))
	for i, e := range entries {
		known, found := m.ended[e.Key]
		found = found && time.Since(known.at) <= m.window()
		if job, ok := m.jobs[e.Key]; ok {
			known.digest, found = job.Digest, true
		}
		switch {
		case found && known.digest != e.Digest:
			errs[i] = fmt.Errorf("key %q: %w", e.Key, ledger.ErrKeyReused)
		case !found:
			e.State = Waiting
			job := &memoryJob{Entry: e}
			m.jobs[e.Key] = job
			m.times.put(job, e.At)
		}
	}
	m.changed()
	return errs, nil
}

// Restore adds a job as it was, for an engine that keeps its jobs elsewhere and begins with those that are there: a
// Parked one stays so, and any other waits. The key must not be known.
func (m *Memory) Restore(entry Entry) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, known := m.jobs[entry.Key]; known || m.closed {
		return fmt.Errorf("key %q: %w", entry.Key, ledger.ErrKeyReused)
	}
	job := &memoryJob{Entry: entry}
	m.jobs[entry.Key] = job
	if entry.State != Parked {
		job.State = Waiting
		m.times.put(job, job.At)
	}
	m.changed()
	return nil
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

func (m *Memory) window() time.Duration {
	if m.Window == 0 {
		return ledger.DefaultWindow
	}
	return m.Window
}

// due leases jobs that are due, and says after what time another may be.
func (m *Memory) due(limit int, lease time.Duration) (taken []Taken, wait time.Duration) {
	const longest = time.Hour
	if m.paused {
		return nil, longest
	}
	now := time.Now()
	for len(taken) < limit {
		job := m.times.next(now)
		if job == nil {
			break
		}
		m.lease++
		job.State, job.lease, job.until = Working, m.lease, now.Add(lease)
		job.Attempts++
		m.times.put(job, job.until)
		taken = append(taken, Taken{Entry: job.Entry, Lease: m.lease})
	}
	return taken, m.times.wait(now, longest)
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
			m.times.put(job, job.until)
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
			m.end(job)
		case Park:
			job.State = Parked
			m.times.remove(job)
		case Later:
			job.State, job.At = Waiting, s.At
			m.times.put(job, job.At)
		}
	}
	m.changed()
	return errors.Join(errs...)
}

// end removes a job that is done and remembers its key. Now and then keys past the window are forgotten.
func (m *Memory) end(job *memoryJob) {
	m.times.remove(job)
	delete(m.jobs, job.Key)
	if m.Window < 0 {
		return
	}
	const often = 1 << 12
	if m.ended[job.Key] = (endedJob{job.Digest, time.Now()}); len(m.ended)%often == 0 {
		maps.DeleteFunc(m.ended, func(_ string, e endedJob) bool { return time.Since(e.at) > m.window() })
	}
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
		m.times.remove(job)
		delete(m.jobs, key) // it may be used again
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
		m.times.put(job, at)
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

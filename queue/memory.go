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

	"github.com/depeche-mail/depeche/internal/schedule"
	"github.com/depeche-mail/depeche/ledger"
)

// Memory is an [Engine] whose jobs end with the process. Its time is that of package time, so a test in a bubble of
// testing/synctest lets schedules and leases pass without waiting.
type Memory struct {
	// Window is how long the key of a job that has ended is remembered: 0 means [ledger.DefaultWindow], negative not at
	// all. It may be set before the first call.
	Window time.Duration

	Hub // tells what happens

	mu     sync.Mutex
	times  schedule.Schedule
	byID   []*memoryJob         // by the number in times
	put    uint32               // counts what was put, for the order
	cells  map[string]time.Time // of relays with a limit
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
	id    schedule.ID
}

type endedJob struct {
	digest ledger.Digest
	at     time.Time
}

// NewMemory returns an engine without jobs.
func NewMemory() *Memory {
	return &Memory{jobs: map[string]*memoryJob{}, ended: map[string]endedJob{}, change: make(chan struct{}), book: ledger.NewMemory(), cells: map[string]time.Time{}}
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
			m.when(m.add(e), e.At)
			m.Tell(Queued, e)
		}
	}
	m.changed()
	return errs, nil
}

// add makes a job, which is not due yet. It is called with the lock held.
func (m *Memory) add(e Entry) *memoryJob {
	job := &memoryJob{Entry: e, id: m.times.Add(e.Relay, e.Priority)}
	m.jobs[e.Key] = job
	if int(job.id) == len(m.byID) {
		m.byID = append(m.byID, nil)
	}
	m.byID[job.id] = job
	return job
}

// when makes a job due at a time. It is called with the lock held.
func (m *Memory) when(job *memoryJob, at time.Time) {
	m.put++
	m.times.Put(job.id, at, m.put)
}

// remove forgets a job. It is called with the lock held.
func (m *Memory) remove(job *memoryJob) {
	m.times.Free(job.id)
	m.byID[job.id] = nil
	delete(m.jobs, job.Key)
}

// Restore adds a job as it was, for an engine that keeps its jobs elsewhere and begins with those that are there: a
// Parked one stays so, and any other waits. The key must not be known.
func (m *Memory) Restore(entry Entry) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, known := m.jobs[entry.Key]; known || m.closed {
		return fmt.Errorf("key %q: %w", entry.Key, ledger.ErrKeyReused)
	}
	job := m.add(entry)
	if entry.State != Parked {
		job.State = Waiting
		m.when(job, job.At)
	}
	m.changed()
	return nil
}

// Take hands out jobs that are due; see [Engine].
func (m *Memory) Take(ctx context.Context, want Request) ([]Taken, error) {
	for {
		m.mu.Lock()
		if err := m.usable(ctx); err != nil {
			m.mu.Unlock()
			return nil, err
		}
		taken, next := m.due(want)
		change := m.change
		m.mu.Unlock()
		if len(taken) > 0 || !want.Wait {
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
func (m *Memory) due(want Request) (taken []Taken, wait time.Duration) {
	const longest = time.Hour
	if m.paused {
		return nil, longest
	}
	now, next := time.Now(), longest
	m.times.Due(now)
	full := map[string]bool{} // relays that have had their share
	for len(taken) < want.Most {
		id, ok := m.times.Next(func(relay string) bool {
			limit, limited := want.Limits[relay]
			if limited && !full[relay] {
				_, _, wait := limit.Reserve(m.cells[relay], now, 1)
				if full[relay] = wait > 0; wait > 0 {
					next = min(next, wait)
				}
			}
			return !full[relay]
		})
		if !ok {
			break
		}
		job := m.byID[id]
		if limit, limited := want.Limits[job.Relay]; limited {
			_, m.cells[job.Relay], _ = limit.Reserve(m.cells[job.Relay], now, 1)
		}
		m.lease++
		job.State, job.lease, job.until = Working, m.lease, now.Add(want.Lease)
		job.Attempts++
		m.when(job, job.until)
		taken = append(taken, Taken{Entry: job.Entry, Lease: m.lease})
		m.Tell(Sending, job.Entry)
	}
	return taken, m.times.Wait(now, next)
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
			m.when(job, job.until)
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
		job.Reason, job.Outcome = s.Reason, s.Outcome
		switch s.Do {
		case Done:
			m.end(job)
			m.Tell(Sent, job.Entry)
		case Park:
			job.State = Parked
			m.times.Remove(job.id)
			m.Tell(Parking, job.Entry)
		case Later:
			job.State, job.At = Waiting, s.At
			m.when(job, job.At)
			m.Tell(Delayed, job.Entry)
		}
	}
	m.changed()
	return errors.Join(errs...)
}

// end removes a job that is done and remembers its key. Now and then keys past the window are forgotten.
func (m *Memory) end(job *memoryJob) {
	m.remove(job)
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
		m.remove(job) // its key may be used again
		m.Tell(Cancelled, job.Entry)
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
		m.when(job, at)
		m.Tell(Queued, job.Entry)
		return true
	})
}

// Park keeps workers from a job that waits; see [Engine].
func (m *Memory) Park(ctx context.Context, key, reason string) error {
	return m.edit(ctx, key, func(job *memoryJob) bool {
		if job.State != Waiting {
			return false
		}
		job.State, job.Reason = Parked, reason
		m.times.Remove(job.id)
		m.Tell(Parking, job.Entry)
		return true
	})
}

// Paused reports whether the engine hands out no jobs.
func (m *Memory) Paused(ctx context.Context) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.paused, m.usable(ctx)
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
		m.Hub.Close()
	}
	return nil
}

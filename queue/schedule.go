package queue

import (
	"cmp"
	"container/heap"
	"time"
)

// schedule orders jobs by what is due when, and what goes first of that. A job that is put in again counts from then
// on; what it was before is skipped when it comes up.
type schedule struct {
	timed jobHeap // by the time at which they are due
	ready jobHeap // due, by priority
}

// slot is a job in a heap. It is of no use when the job was put in again.
type slot struct {
	job    *memoryJob
	number uint64
	at     time.Time
}

func (s slot) stale() bool { return s.number != s.job.slot }

func newSchedule() schedule {
	return schedule{
		timed: jobHeap{before: func(a, b slot) bool { return a.at.Before(b.at) }},
		ready: jobHeap{before: func(a, b slot) bool {
			return cmp.Or(cmp.Compare(b.job.Priority, a.job.Priority), a.job.At.Compare(b.job.At),
				a.job.Enqueued.Compare(b.job.Enqueued), cmp.Compare(a.job.Key, b.job.Key)) < 0
		}},
	}
}

// put makes a job due at a time.
func (s *schedule) put(job *memoryJob, at time.Time) {
	job.slot++
	heap.Push(&s.timed, slot{job, job.slot, at})
}

// remove takes a job out.
func (s *schedule) remove(job *memoryJob) { job.slot++ }

// next takes out the job that goes first of those that are due; nil for none.
func (s *schedule) next(now time.Time) *memoryJob {
	for len(s.timed.slots) > 0 && !s.timed.slots[0].at.After(now) {
		if due := heap.Pop(&s.timed).(slot); !due.stale() {
			heap.Push(&s.ready, due)
		}
	}
	for len(s.ready.slots) > 0 {
		if due := heap.Pop(&s.ready).(slot); !due.stale() {
			return due.job
		}
	}
	return nil
}

// wait says after what time a job may be due.
func (s *schedule) wait(now time.Time, most time.Duration) time.Duration {
	for len(s.timed.slots) > 0 && s.timed.slots[0].stale() {
		heap.Pop(&s.timed)
	}
	if len(s.timed.slots) > 0 {
		return min(most, max(s.timed.slots[0].at.Sub(now), 0))
	}
	return most
}

// jobHeap is a heap of slots.
type jobHeap struct {
	slots  []slot
	before func(a, b slot) bool
}

func (h *jobHeap) Len() int           { return len(h.slots) }
func (h *jobHeap) Less(i, j int) bool { return h.before(h.slots[i], h.slots[j]) }
func (h *jobHeap) Swap(i, j int)      { h.slots[i], h.slots[j] = h.slots[j], h.slots[i] }
func (h *jobHeap) Push(x any)         { h.slots = append(h.slots, x.(slot)) }

// Pop takes out the last one.
func (h *jobHeap) Pop() any {
	last := len(h.slots) - 1
	s := h.slots[last]
	h.slots[last] = slot{}
	h.slots = h.slots[:last]
	return s
}

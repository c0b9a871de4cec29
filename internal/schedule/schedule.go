// Package schedule orders jobs by what is due when, and what goes first of that, in two dozen octets for each.
package schedule

import (
	"cmp"
	"math"
	"time"
)

// ID is the number of a job in a [Schedule]. A number that was freed is given again.
type ID uint32

// Schedule orders jobs. Its zero value is empty. It is not safe for concurrent use.
type Schedule struct {
	items Pages[item]
	free  []ID
	timed heap // by the time at which they are due

	lanes []lane // due, for each relay and priority that has jobs
	names map[name]uint32
	spare []uint32 // lanes without jobs
	busy  []uint32 // lanes with jobs that are due
}

type name struct {
	relay    string
	priority int
}

// lane is the jobs of one name.
type lane struct {
	name

	due  heap
	busy int // the place in Schedule.busy, if any is due
	jobs int // also those that are not due
}

// item is a job. Its heap knows where it is in it.
type item struct {
	at       [2]uint32 // Unix time in nanoseconds; two halves, because a whole would have the item padded
	number   uint32
	position int32 // in the heap, -1 in none
	lane     uint32
}

// inLane is the bit of item.lane that says in which heap the job is: that of the lane, or that by time.
const inLane = 1 << 31

func (it *item) time() int64 { return int64(uint64(it.at[0])<<32 | uint64(it.at[1])) }

func (it *item) home(s *Schedule) *heap {
	if it.lane&inLane == 0 {
		return &s.timed
	}
	return &s.lanes[it.lane&^inLane].due
}

// Add makes room for a job, which is not due before it is put at a time.
func (s *Schedule) Add(relay string, priority int) ID {
	key := name{relay, priority}
	at, known := s.names[key]
	if !known {
		at = s.newLane(key)
	}
	s.lanes[at].jobs++
	fresh := item{lane: at, position: -1}
	if n := len(s.free); n > 0 {
		id := s.free[n-1]
		s.free = s.free[:n-1]
		*s.items.At(id) = fresh
		return id
	}
	return s.items.Add(fresh)
}

func (s *Schedule) newLane(key name) (at uint32) {
	if s.names == nil {
		s.names = map[name]uint32{}
	}
	if n := len(s.spare); n > 0 {
		at, s.spare = s.spare[n-1], s.spare[:n-1]
	} else {
		at = uint32(len(s.lanes))
		s.lanes = append(s.lanes, lane{})
	}
	s.lanes[at], s.names[key] = lane{name: key}, at
	return at
}

// Put makes a job due at a time, from now on. number decides between jobs that are due at the same time with the same
// priority.
func (s *Schedule) Put(id ID, at time.Time, number uint32) {
	s.Remove(id)
	it, nano := s.items.At(id), uint64(at.UnixNano())
	it.at, it.number = [2]uint32{uint32(nano >> 32), uint32(nano & math.MaxUint32)}, number
	s.timed.push(s, id)
}

// Remove makes a job not due at all.
func (s *Schedule) Remove(id ID) {
	it := s.items.At(id)
	if it.position < 0 {
		return
	}
	it.home(s).remove(s, it.position)
	it.position = -1
	if it.lane&inLane != 0 {
		it.lane &^= inLane
		s.rest(it.lane)
	}
}

// rest takes a lane out of those with jobs that are due, if it has none.
func (s *Schedule) rest(at uint32) {
	l := &s.lanes[at]
	if len(l.due.ids) > 0 {
		return
	}
	last := s.busy[len(s.busy)-1]
	s.busy[l.busy], s.lanes[last].busy = last, l.busy
	s.busy = s.busy[:len(s.busy)-1]
}

// Free forgets a job.
func (s *Schedule) Free(id ID) {
	s.Remove(id)
	s.free = append(s.free, id)
	at := s.items.At(id).lane
	l := &s.lanes[at]
	if l.jobs--; l.jobs == 0 {
		delete(s.names, l.name)
		*l = lane{}
		s.spare = append(s.spare, at)
	}
}

// Due moves what is due by then to the lanes of their relays.
func (s *Schedule) Due(now time.Time) {
	for len(s.timed.ids) > 0 {
		id := s.timed.ids[0]
		it := s.items.At(id)
		if it.time() > now.UnixNano() {
			return
		}
		s.timed.remove(s, 0)
		l := &s.lanes[it.lane]
		if len(l.due.ids) == 0 {
			l.busy = len(s.busy)
			s.busy = append(s.busy, it.lane)
		}
		it.lane |= inLane
		l.due.push(s, id)
	}
}

// Next takes out the job that goes first of those that Due found, among the relays that may be sent to.
func (s *Schedule) Next(may func(relay string) bool) (ID, bool) {
	var best *lane
	for _, at := range s.busy {
		if l := &s.lanes[at]; (best == nil || s.first(l, best)) && may(l.relay) {
			best = l
		}
	}
	if best == nil {
		return 0, false
	}
	id := best.due.ids[0]
	s.Remove(id)
	return id, true
}

// Ready returns how many jobs are due for the relays that are asked for, as Due found.
func (s *Schedule) Ready(of func(relay string) bool) (n int) {
	for _, at := range s.busy {
		if l := &s.lanes[at]; of(l.relay) {
			n += len(l.due.ids)
		}
	}
	return n
}

// Wait says after what time another job becomes due, most at most.
func (s *Schedule) Wait(now time.Time, most time.Duration) time.Duration {
	if len(s.timed.ids) == 0 {
		return most
	}
	return min(most, max(time.Duration(s.items.At(s.timed.ids[0]).time()-now.UnixNano()), 0))
}

// Lane returns the relay of a job, as Add was given it.
func (s *Schedule) Lane(id ID) string { return s.lanes[s.items.At(id).lane&^inLane].relay }

// first reports whether the first job of a goes before that of b.
func (s *Schedule) first(a, b *lane) bool {
	if a.priority != b.priority {
		return a.priority > b.priority
	}
	return s.before(a.due.ids[0], b.due.ids[0])
}

// before orders a heap.
func (s *Schedule) before(a, b ID) bool {
	x, y := s.items.At(a), s.items.At(b)
	return cmp.Or(cmp.Compare(x.time(), y.time()), cmp.Compare(x.number, y.number)) < 0
}

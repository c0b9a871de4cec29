package jetstream

import (
	"maps"
	"math"
	"time"

	"github.com/depeche-mail/depeche/internal/schedule"
	"github.com/depeche-mail/depeche/queue"
)

// index is what this process knows of the jobs: in what order they are due. It is fed by what the process writes and by
// what it sees others write, in any order; the sequence number of a record says which is newer. It is called with the lock
// of the engine held.
type index struct {
	times  schedule.Schedule
	byID   table
	slots  schedule.Pages[slot]    // by the number in times
	leases map[schedule.ID]leaseOf // of those that are Working
	gone   map[jobID]uint64        // ended by this process, and not yet seen to: an older record must not bring it back
	sweep  int                     // how many of these there must be before those that cannot be seen any more are looked for
	passed uint64                  // the newest record that was seen
	put    uint32
}

// slot is a job as the index knows it.
type slot struct {
	id     jobID
	record [2]uint32 // the sequence number of the newest record; two halves, because a whole would have the slot padded
}

func (s *slot) seq() uint64 { return uint64(s.record[0])<<32 | uint64(s.record[1]) }

func slotOf(id jobID, seq uint64) slot {
	return slot{id, [2]uint32{uint32(seq >> 32), uint32(seq & math.MaxUint32)}}
}

type leaseOf struct {
	owner uint64
	until time.Time // by the clock of this process
	lent  *taken    // whose it is, if it is in no record
	lends int       // attempts that the record does not count
}

func newIndex() index {
	return index{byID: newTable(), leases: map[schedule.ID]leaseOf{}, gone: map[jobID]uint64{}}
}

// note takes a record in, and reports whether it is news. seen says that it comes from the stream, in its order.
func (x *index) note(id jobID, seq uint64, j job, now time.Time, seen bool) bool {
	if seen {
		x.passed = max(x.passed, seq)
	}
	last, ended := x.gone[id]
	if seen && ended && seq >= last {
		delete(x.gone, id)
	}
	at, known := x.find(id)
	if ended && seq <= last || known && seq <= x.slots.At(at).seq() {
		return false
	}
	if !seen && !known && seq <= x.passed { // the answer to our write came late: the job was ended since, or a newer record is yet to be seen
		return false
	}
	if j.Gone != "" {
		if known {
			x.forget(at)
		}
		if !seen && seq > x.passed {
			x.expect(id, seq)
		}
		return true
	}
	if !known {
		at = x.times.Add(string(rune(id.part()))+j.Relay, j.Priority)
		if int(at) == x.slots.Len() {
			x.slots.Add(slot{})
		}
		*x.slots.At(at) = slotOf(id, seq)
		x.byID.add(at, &x.slots)
	}
	*x.slots.At(at) = slotOf(id, seq)
	delete(x.leases, at)
	switch j.State {
	case queue.Waiting:
		x.when(at, j.At)
	case queue.Parked:
		x.times.Remove(at)
	case queue.Working:
		x.leases[at] = leaseOf{owner: j.Owner, until: now.Add(j.Lease)}
		x.when(at, now.Add(j.Lease))
	}
	return true
}

// expect waits for an end to be seen. Those that were not seen although the stream is past them had their marks deleted.
func (x *index) expect(id jobID, seq uint64) {
	const least = 64
	if len(x.gone) >= max(x.sweep, least) {
		maps.DeleteFunc(x.gone, func(_ jobID, seq uint64) bool { return seq <= x.passed })
		x.sweep = 2 * len(x.gone)
	}
	x.gone[id] = seq
}

// find returns the number of a job in times.
func (x *index) find(id jobID) (schedule.ID, bool) { return x.byID.find(id, &x.slots) }

func (x *index) when(at schedule.ID, due time.Time) {
	x.put++
	x.times.Put(at, due, x.put)
}

func (x *index) forget(at schedule.ID) {
	x.times.Free(at)
	x.byID.remove(x.slots.At(at).id, &x.slots)
	delete(x.leases, at)
	*x.slots.At(at) = slot{}
}

// overdue makes due what processes that are gone have.
func (x *index) overdue(now time.Time, alive func(owner uint64) bool) {
	for at, l := range x.leases {
		if l.until.After(now) && !alive(l.owner) {
			l.until = now
			x.leases[at] = l
			x.when(at, now)
		}
	}
}

// free reports whether no lease keeps a job that is there from being taken.
func (x *index) free(id jobID, now time.Time) bool {
	at, known := x.find(id)
	if !known {
		return false
	}
	l, working := x.leases[at]
	return !working || !l.until.After(now)
}

// again makes a job due once more that could not be taken, unless a newer record or a lease has said when it is due.
func (x *index) again(was slot, now, due time.Time) {
	if at, known := x.find(was.id); known && *x.slots.At(at) == was && x.free(was.id, now) {
		x.when(at, due)
	}
}

// lend gives a job to a worker by a lease that is in no record. It counts the attempts since the record.
func (x *index) lend(t *taken, now time.Time) bool {
	at, known := x.find(t.id)
	if !known || x.slots.At(at).seq() != t.seen || !x.free(t.id, now) {
		return false
	}
	t.until = now.Add(t.job.Lease)
	lends := x.leases[at].lends + 1
	t.job.Attempts += lends - 1 // one is counted
	x.leases[at] = leaseOf{t.job.Owner, t.until, t, lends}
	x.when(at, t.until)
	return true
}

// lentTo reports whether the last lease of a job in memory is this one.
func (x *index) lentTo(t *taken) bool {
	at, known := x.find(t.id)
	return known && x.leases[at].lent == t
}

// lends returns how many leases in memory a job has had since its record, the last of which may have ended.
func (x *index) lends(id jobID) int {
	at, known := x.find(id)
	if !known {
		return 0
	}
	return x.leases[at].lends
}

// prolong follows the end of a lease.
func (x *index) prolong(t *taken) {
	at, _ := x.find(t.id)
	l := x.leases[at]
	l.until = t.until
	x.leases[at] = l
	x.when(at, t.until)
}

// takeBack ends a lease at once, as if it had not been.
func (x *index) takeBack(t *taken, now time.Time) {
	if !x.lentTo(t) {
		return
	}
	at, _ := x.find(t.id)
	l := x.leases[at]
	l.until, l.lent, l.lends = now, nil, l.lends-1
	if x.leases[at] = l; l.lends == 0 {
		delete(x.leases, at)
	}
	x.when(at, now)
}

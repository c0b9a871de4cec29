package jetstream

import (
	"hash/maphash"

	"github.com/depeche-mail/depeche/internal/schedule"
)

// table finds jobs by their id. A map would keep the ids a second time, and room for more of them: the table has the places of jobs alone,
// each in the first free cell from where its hash says.
type table struct {
	cells []uint32 // one more than the place of a job; 0 is free
	used  int
	seed  maphash.Seed
}

const smallTable = 64

func newTable() table { return table{cells: make([]uint32, smallTable), seed: maphash.MakeSeed()} }

// start is the cell where a job would best be.
func (t *table) start(id jobID) int {
	return int(maphash.Bytes(t.seed, id[:]) & uint64(len(t.cells)-1))
}

// cell returns the cell of a job, or the free one where it would be.
func (t *table) cell(id jobID, slots *schedule.Pages[slot]) int {
	at := t.start(id)
	for t.cells[at] != 0 && slots.At(schedule.ID(t.cells[at]-1)).id != id {
		at = (at + 1) & (len(t.cells) - 1)
	}
	return at
}

// find returns the place of a job.
func (t *table) find(id jobID, slots *schedule.Pages[slot]) (schedule.ID, bool) {
	c := t.cells[t.cell(id, slots)]
	return schedule.ID(c - 1), c != 0
}

// add adds a job that is not there and whose slot is set.
func (t *table) add(at schedule.ID, slots *schedule.Pages[slot]) {
	if (t.used+1)*4 > len(t.cells)*3 {
		old := t.cells
		t.cells = make([]uint32, 2*len(old))
		for _, c := range old {
			if c != 0 {
				t.cells[t.cell(slots.At(schedule.ID(c-1)).id, slots)] = c
			}
		}
	}
	t.cells[t.cell(slots.At(at).id, slots)] = uint32(at) + 1
	t.used++
}

// remove takes a job out whose slot is still set. Those that follow it move up, unless they are where they best are.
func (t *table) remove(id jobID, slots *schedule.Pages[slot]) {
	mask := len(t.cells) - 1
	hole := t.cell(id, slots)
	for at := (hole + 1) & mask; t.cells[at] != 0; at = (at + 1) & mask {
		best := t.start(slots.At(schedule.ID(t.cells[at] - 1)).id)
		if (at-best)&mask >= (at-hole)&mask {
			t.cells[hole], hole = t.cells[at], at
		}
	}
	t.cells[hole] = 0
	t.used--
}

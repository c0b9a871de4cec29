package jetstream

import (
	"math/rand/v2"
	"testing"

	"github.com/depeche-mail/depeche/internal/schedule"
)

// TestTable compares with a map, while jobs come and go.
func TestTable(t *testing.T) {
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 2))
		want, x := map[jobID]schedule.ID{}, newTable()
		var slots schedule.Pages[slot]
		var free []schedule.ID
		for range 2000 {
			id := jobID{byte(r.IntN(200)), byte(r.IntN(2))}
			at, known := x.find(id, &slots)
			if place, there := want[id]; there != known || known && at != place {
				t.Fatalf("seed %d: job %v is at %d, %v, want %d, %v", seed, id, at, known, place, there)
			}
			switch {
			case known:
				x.remove(id, &slots)
				delete(want, id)
				*slots.At(at), free = slot{}, append(free, at)
			case len(free) > 0:
				at, free = free[0], free[1:]
				*slots.At(at), want[id] = slot{id: id}, at
				x.add(at, &slots)
			default:
				want[id] = slots.Add(slot{id: id})
				x.add(want[id], &slots)
			}
			if x.used != len(want) {
				t.Fatalf("%d of %d", x.used, len(want))
			}
		}
		for id, place := range want {
			if at, known := x.find(id, &slots); !known || at != place {
				t.Errorf("seed %d: job %v is at %d, %v, want %d", seed, id, at, known, place)
			}
		}
	}
}

// TestSmallIndex holds what a job costs in the index of a process.
func TestSmallIndex(t *testing.T) {
	const jobs, most = 200_000, 56
	before := heap()
	x := newIndex()
	for i := range uint64(jobs) {
		x.note(idOf(string(rune(i))+"k"), i+1, job{}, now(), true)
	}
	if each := (heap() - before) / jobs; each > most {
		t.Errorf("%d octets for each job, want at most %d", each, most)
	}
	if x.byID.used == 0 {
		t.Error("no jobs")
	}
}

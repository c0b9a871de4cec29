package jetstream

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"github.com/depeche-mail/depeche/queue"
)

// TestIndexInAnyOrder: what a process writes itself it may take in before or long after it sees it in the stream, whose newest record of a job
// comes at last. In the end the index has what that one says: no job that was cancelled while the write that added it was on its way.
// What is news is told in its order.
func TestIndexInAnyOrder(t *testing.T) {
	for seed := range uint64(3000) {
		r := rand.New(rand.NewPCG(seed, 1))
		x, id := newIndex(), jobID{1}
		n := 1 + r.IntN(5)
		history := make([]job, n+1) // by sequence number
		type take struct {
			seq  uint64
			seen bool
		}
		var stream, own []take
		for seq := 1; seq <= n; seq++ {
			if r.IntN(2) == 0 {
				history[seq].Gone = goneCancelled
			}
			if seq == n || r.IntN(2) == 0 {
				stream = append(stream, take{uint64(seq), true})
			}
			if r.IntN(2) == 0 {
				own = append(own, take{uint64(seq), false})
			}
		}
		r.Shuffle(len(own), func(i, k int) { own[i], own[k] = own[k], own[i] })
		told := uint64(0)
		var order []take
		for len(stream)+len(own) > 0 {
			from := &own
			if len(own) == 0 || len(stream) > 0 && r.IntN(2) == 0 {
				from = &stream
			}
			next := (*from)[0]
			*from, order = (*from)[1:], append(order, next)
			if !x.note(id, next.seq, history[next.seq], now(), next.seen) {
				continue
			}
			if next.seq <= told {
				t.Errorf("seed %d: record %d is told after %d", seed, next.seq, told)
			}
			told = next.seq
		}
		_, known := x.find(id)
		if want := history[n].Gone == ""; known != want || len(x.gone) > 0 {
			t.Fatalf("seed %d: known %v, want %v; %d ends waited for; %v of %+v", seed, known, want, len(x.gone), order, history[1:])
		}
	}
}

// TestEndsThatAreNeverSeen: the mark of an end is deleted before the process sees it, because it was cut off for so long. It does not wait for
// the mark for ever.
func TestEndsThatAreNeverSeen(t *testing.T) {
	x, seq := newIndex(), uint64(0)
	for n := range uint64(10_000) {
		id := jobID(binary.BigEndian.AppendUint32(make([]byte, 8), uint32(n)))
		x.note(id, seq+1, job{}, now(), true)
		x.note(id, seq+2, job{Gone: goneCancelled}, now(), false)
		seq += 2
	}
	x.note(jobID{1}, seq+1, job{State: queue.Parked}, now(), true)
	x.note(jobID{1}, seq+2, job{Gone: goneCancelled}, now(), false)
	if most := 200; len(x.gone) > most {
		t.Errorf("%d ends are waited for, want at most %d", len(x.gone), most)
	}
	if x.byID.used != 0 {
		t.Errorf("%d jobs", x.byID.used)
	}
}

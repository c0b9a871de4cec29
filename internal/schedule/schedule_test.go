package schedule_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/depeche-mail/depeche/internal/schedule"
)

func all(string) bool { return true }

// TestOrder compares with a sorted list, while jobs are moved, taken out and forgotten.
func TestOrder(t *testing.T) {
	type job struct {
		id       schedule.ID
		at       time.Time
		priority int
		number   uint32
	}
	start := time.Unix(1_700_000_000, 0)
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 1))
		var s schedule.Schedule
		var jobs []job
		for i := range uint32(100) {
			j := job{at: start.Add(time.Duration(r.IntN(20)) * time.Second), priority: r.IntN(3), number: i}
			j.id = s.Add([]string{"", "bulk", "slow"}[r.IntN(3)], j.priority)
			s.Put(j.id, j.at, j.number)
			switch r.IntN(5) {
			case 0: // moved, perhaps from among those that are due
				s.Due(start.Add(5 * time.Second))
				j.at = start.Add(time.Duration(r.IntN(20)) * time.Second)
				s.Put(j.id, j.at, j.number)
			case 1:
				s.Due(start.Add(10 * time.Second))
				s.Free(j.id)
				continue
			}
			jobs = append(jobs, j)
		}
		now := start.Add(12 * time.Second)
		jobs = slices.DeleteFunc(jobs, func(j job) bool { return j.at.After(now) })
		slices.SortFunc(jobs, func(a, b job) int {
			if c := b.priority - a.priority; c != 0 {
				return c
			}
			if c := a.at.Compare(b.at); c != 0 {
				return c
			}
			return int(a.number) - int(b.number)
		})
		s.Due(now)
		for i, want := range jobs {
			if got, ok := s.Next(all); !ok || got != want.id {
				t.Fatalf("seed %d: place %d: job %d, want %d", seed, i, got, want.id)
			}
		}
		if id, ok := s.Next(all); ok {
			t.Fatalf("seed %d: job %d is not due", seed, id)
		}
	}
}

// TestLanes: a relay that may not be sent to does not hold up the others.
func TestLanes(t *testing.T) {
	var s schedule.Schedule
	now := time.Unix(1_700_000_000, 0)
	slow, fast, later := s.Add("slow", 9), s.Add("fast", 0), s.Add("fast", 9)
	s.Put(slow, now, 1)
	s.Put(fast, now, 2)
	s.Put(later, now.Add(time.Minute), 3)
	s.Due(now)
	for relay, want := range map[string]int{"slow": 1, "fast": 1, "none": 0} {
		if n := s.Ready(func(r string) bool { return r == relay }); n != want {
			t.Errorf("%d are ready for %s", n, relay)
		}
	}
	notSlow := func(relay string) bool { return relay != "slow" }
	if id, ok := s.Next(notSlow); !ok || id != fast {
		t.Errorf("job %d, %v", id, ok)
	}
	if id, ok := s.Next(notSlow); ok {
		t.Errorf("job %d", id)
	}
	if id, ok := s.Next(all); !ok || id != slow {
		t.Errorf("job %d, %v", id, ok)
	}
	if w := s.Wait(now, time.Hour); w != time.Minute {
		t.Errorf("wait %v", w)
	}
	if w := s.Wait(now.Add(time.Hour), time.Hour); w != 0 {
		t.Errorf("wait %v", w)
	}
	s.Remove(later)
	if w := s.Wait(now, time.Hour); w != time.Hour {
		t.Errorf("wait %v for nothing", w)
	}
}

// TestManyRelays: each of more relays than a small number can count has jobs of its own, and what is due is found among them; a relay
// without jobs is forgotten.
func TestManyRelays(t *testing.T) {
	var s schedule.Schedule
	now := time.Unix(1_700_000_000, 0)
	const relays = 1<<16 + 9
	ids := make([]schedule.ID, relays)
	for i := range ids {
		ids[i] = s.Add(fmt.Sprint("relay", i), 0)
		s.Put(ids[i], now.Add(time.Duration(i)), 0)
	}
	s.Due(now.Add(time.Hour))
	for _, i := range []int{relays - 1, 1, 1 << 16, 0, 1<<16 - 1} {
		want := fmt.Sprint("relay", i)
		id, ok := s.Next(func(relay string) bool { return relay == want })
		if !ok || id != ids[i] || s.Lane(id) != want {
			t.Errorf("job %d of %s, %v, want %d", id, s.Lane(id), ok, ids[i])
		}
	}
	for _, id := range ids {
		s.Free(id)
	}
	id := s.Add("new", 0)
	s.Put(id, now, 0)
	s.Due(now)
	if next, ok := s.Next(all); !ok || next != id || s.Lane(id) != "new" {
		t.Errorf("job %d, %v", next, ok)
	}
}

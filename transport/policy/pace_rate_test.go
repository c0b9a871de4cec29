package policy

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// simulation is a relay and senders whose time is a number: no goroutine, no clock.
type simulation struct {
	now    time.Time
	events events
	order  int
	rand   *rand.Rand
	limit  int           // mails
	per    time.Duration // in any
	taken  []time.Time   // in the last of these
}

type event struct {
	at    time.Time
	order int
	do    func()
}

type events []event

func (e events) Len() int { return len(e) }
func (e events) Less(i, j int) bool {
	return e[i].at.Before(e[j].at) || e[i].at.Equal(e[j].at) && e[i].order < e[j].order
}
func (e events) Swap(i, j int) { e[i], e[j] = e[j], e[i] }
func (e *events) Push(x any)   { *e = append(*e, x.(event)) } //nolint:forcetypeassert // of package heap
func (e *events) Pop() any {
	last := len(*e) - 1
	x := (*e)[last]
	*e = (*e)[:last]
	return x
}

var simulated = time.Date(2026, 11, 28, 0, 0, 0, 0, time.UTC)

func newSimulation(seed uint64, limit int, per time.Duration) *simulation {
	return &simulation{now: simulated, rand: rand.New(rand.NewPCG(seed, 1)), limit: limit, per: per}
}

func (s *simulation) after(d time.Duration, do func()) {
	s.order++
	heap.Push(&s.events, event{s.now.Add(d), s.order, do})
}

func (s *simulation) run(until time.Duration) {
	for s.events.Len() > 0 {
		e := heap.Pop(&s.events).(event) //nolint:forcetypeassert // it is in the heap
		if e.at.Sub(simulated) > until {
			return
		}
		s.now = e.at
		e.do()
	}
}

// take is the relay's answer.
func (s *simulation) take() bool {
	for len(s.taken) > 0 && s.now.Sub(s.taken[0]) >= s.per {
		s.taken = s.taken[1:]
	}
	if len(s.taken) >= s.limit {
		return false
	}
	s.taken = append(s.taken, s.now)
	return true
}

// simulatedSender always has a mail to send.
type simulatedSender struct {
	*simulation

	f                 rateFinder
	latency           time.Duration
	accepted, refused []time.Time
}

func (s *simulatedSender) send() {
	left := s.now
	s.after(s.latency/2, func() {
		ok := s.take()
		s.after(s.latency/2, func() {
			if ok {
				s.f.accepted(s.now, true)
				s.accepted = append(s.accepted, s.now)
				return
			}
			s.f.refused(left, s.now, 0)
			s.refused = append(s.refused, s.now)
		})
	})
	s.wait(left, 0.9+0.2*s.rand.Float64())
}

// wait looks again while the rate changes.
func (s *simulatedSender) wait(last time.Time, spread float64) {
	due := last.Add(time.Duration(spread * float64(time.Second) / s.f.rate))
	if s.f.until.After(due) {
		due = s.f.until
	}
	if left := due.Sub(s.now); left > 0 {
		s.after(min(left, 100*time.Millisecond), func() { s.wait(last, spread) })
		return
	}
	s.send()
}

func within(list []time.Time, from, to time.Duration) (n int) {
	for _, at := range list {
		if d := at.Sub(simulated); d >= from && d < to {
			n++
		}
	}
	return n
}

// TestPaceRate: from 30 seconds on, 0.9 r are sent to a relay that takes r a second, and at most 2 % refused, near and far.
func TestPaceRate(t *testing.T) {
	for _, r := range []int{5, 10, 14, 50, 200, 1000} {
		for _, latency := range []time.Duration{0, 50 * time.Millisecond, 400 * time.Millisecond} {
			t.Run(fmt.Sprintf("%d a second, %v away", r, latency), func(t *testing.T) {
				s := &simulatedSender{simulation: newSimulation(1, r, time.Second), f: rateFinder{rate: 1, starting: true}, latency: latency}
				s.after(0, s.send)
				const settled, end = 30 * time.Second, 90 * time.Second
				s.run(end)
				taken, refused := within(s.accepted, settled, end), within(s.refused, settled, end)
				if want := float64(r) * (end - settled).Seconds(); float64(taken) < 0.9*want || float64(refused) > 0.02*float64(taken+refused) {
					t.Errorf("%d of %.0f mails were taken, %d refused", taken, want, refused)
				}
			})
		}
	}
}

// TestPaceRateOfMinutes: a relay that counts minutes takes nothing for most of the first one; after that nearly all of
// what it takes is sent, at an even pace.
func TestPaceRateOfMinutes(t *testing.T) {
	s := &simulatedSender{simulation: newSimulation(1, 30, time.Minute), f: rateFinder{rate: 1, starting: true}}
	s.after(0, s.send)
	s.run(10 * time.Minute)
	taken, refused := within(s.accepted, 2*time.Minute, 10*time.Minute), within(s.refused, 2*time.Minute, 10*time.Minute)
	if taken < 8*30*9/10 || refused*50 > taken+refused {
		t.Errorf("%d of %d mails were taken, %d refused", taken, 8*30, refused)
	}
	if early := within(s.refused, 0, time.Minute); early > 8 {
		t.Errorf("%d refusals in the first minute", early)
	}
}

// TestPaceRateShared: two senders who know nothing of each other get 40 to 60 % each over a minute, whatever the dice say.
func TestPaceRateShared(t *testing.T) {
	for _, r := range []int{20, 50, 200} {
		for seed := range uint64(20) {
			sim := newSimulation(seed, r, time.Second)
			var list []*simulatedSender
			for range 2 {
				s := &simulatedSender{simulation: sim, f: rateFinder{rate: 1, starting: true}, latency: 20 * time.Millisecond}
				s.after(0, s.send)
				list = append(list, s)
			}
			const settled, end = 30 * time.Second, 90 * time.Second
			sim.run(end)
			a, b := within(list[0].accepted, settled, end), within(list[1].accepted, settled, end)
			if share := float64(a) / float64(a+b); share < 0.4 || share > 0.6 || a+b < r*60*9/10 {
				t.Errorf("%d a second, seed %d: %d and %d", r, seed, a, b)
			}
		}
	}
}

// TestPaceRateRecovers: when a relay takes more than before, the rate follows within a minute, and a rest that is asked
// for is kept to the moment.
func TestPaceRateRecovers(t *testing.T) {
	s := &simulatedSender{simulation: newSimulation(1, 10, time.Second), f: rateFinder{rate: 1, starting: true}}
	s.after(0, s.send)
	s.after(time.Minute, func() { s.limit = 50 })
	s.run(3 * time.Minute)
	if n := within(s.accepted, 2*time.Minute, 3*time.Minute); n < 50*60*9/10 {
		t.Errorf("%d mails in the minute that began a minute after the change", n)
	}
	var f rateFinder
	f.refused(simulated, simulated, time.Hour)
	f.refused(simulated, simulated, time.Minute)
	if want := simulated.Add(time.Hour); !f.until.Equal(want) {
		t.Errorf("no mail before %v, want %v", f.until, want)
	}
}

// TestPaceUnlimited: mails that need not wait do not show that the relay would take more.
func TestPaceUnlimited(t *testing.T) {
	f := rateFinder{rate: 5, scale: 5}
	for i := range 1000 {
		f.accepted(simulated.Add(time.Duration(i)*time.Second), false)
	}
	if f.rate != 5 {
		t.Errorf("the rate is %v", f.rate)
	}
}

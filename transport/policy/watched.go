package policy

import (
	"iter"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/depeche-mail/depeche/transport"
)

// watched are the mails of one SendAll that are under way.
type watched struct {
	begin func(transport.Mail) func(*transport.Result, error)

	next    int // number; of the goroutine that takes mails
	stopped atomic.Bool

	mu sync.Mutex
	// ring has the mails from first to last, a number in the place of its remainder: mails end nearly in the order in which
	// they began, and a map took as long as all the rest of watching.
	ring        []watchedMail
	first, last int
	under       int                 // how many of the ring are under way
	late        map[int]watchedMail // those that so many overtook that they would hold up the ring
}

// watchedMail is a mail under way, or one that has ended and waits for those before it.
type watchedMail struct {
	under bool
	index int
	mail  transport.Mail
	end   func(*transport.Result, error)
}

// take is mails, each of which begins when it is taken.
func (w *watched) take(mails iter.Seq[transport.Mail]) iter.Seq[transport.Mail] {
	return func(yield func(transport.Mail) bool) {
		for mail := range mails {
			if !w.enter(mail) || !yield(mail) {
				return
			}
		}
	}
}

// enter begins a mail; false means that the caller has left.
func (w *watched) enter(mail transport.Mail) bool {
	if w.stopped.Load() {
		return false
	}
	m := watchedMail{under: true, index: w.next, mail: mail, end: w.begin(mail)}
	w.next++
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.last-w.first == len(w.ring) {
		w.makeRoom()
	}
	*w.at(m.index) = m
	w.last = w.next
	w.under++
	return true
}

// at is the place of a number; len(w.ring) is a power of two.
func (w *watched) at(number int) *watchedMail { return &w.ring[number&(len(w.ring)-1)] }

// makeRoom makes the ring larger, or, where most of it has ended, sets the mail aside that the others overtook: a mail that takes
// minutes must not make memory grow with all that are sent meanwhile.
func (w *watched) makeRoom() {
	if 2*w.under <= len(w.ring) && w.under > 0 {
		if w.late == nil {
			w.late = map[int]watchedMail{}
		}
		w.late[w.first] = *w.at(w.first)
		w.leave(w.first)
		return
	}
	old := w.ring
	w.ring = make([]watchedMail, max(64, 2*len(old)))
	for i, m := range old {
		*w.at(w.first + (i-w.first)&(len(old)-1)) = m
	}
}

// leave takes a number that is under way out of the ring.
func (w *watched) leave(number int) {
	*w.at(number) = watchedMail{}
	w.under--
	for w.first < w.last && !w.at(w.first).under {
		w.first++
	}
}

// back takes out the mail of a number; false means that it is not there any more.
func (w *watched) back(number int) (watchedMail, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if number < w.first {
		m, ok := w.late[number]
		delete(w.late, number)
		return m, ok
	}
	if number >= w.last || !w.at(number).under {
		return watchedMail{}, false
	}
	m := *w.at(number)
	w.leave(number)
	return m, true
}

// underWay returns what is left, in the order in which it was taken.
func (w *watched) underWay() []watchedMail {
	w.mu.Lock()
	defer w.mu.Unlock()
	var list []watchedMail
	for _, number := range slices.Sorted(maps.Keys(w.late)) {
		list = append(list, w.late[number])
	}
	for number := w.first; number < w.last; number++ {
		if m := w.at(number); m.under {
			list = append(list, *m)
		}
	}
	return list
}

package jetstream

import (
	"slices"
	"strings"

	"github.com/depeche-mail/depeche/ledger"
)

// A claim need not be durable. Where no other process can use the ledger, a claim on a key that has no record is kept in memory alone until its
// mail is ending: half of what a mail costs the disk is saved. A key that has a record is claimed by a new record everywhere, because
// the server deletes records by the clock, and what is written next names the one that it replaces.

// hold is a claim of this process.
type hold struct {
	place string
	entry ledger.Entry
	seen  uint64 // the record that has it, or that its claim replaces
	lost  bool   // a write of it had no answer, so the record may be a later one
	begun bool   // that its mail is ending is written, or being written
	key   string // of a claim that began in memory alone
}

// unwritten reports whether no record has the claim, and none will.
func (h *hold) unwritten() bool { return h.seen == 0 && !h.lost && !h.begun }

// look is the places of a claim that is being decided: what was read of them may be old when it is.
type look struct {
	places map[string]bool
	old    bool
}

// look begins to look at places; the caller ends it.
func (l *Ledger) look(places []string) (_ *look, end func()) {
	at := &look{}
	if !l.alone {
		return at, func() {}
	}
	at.places = make(map[string]bool, len(places))
	for _, place := range places {
		at.places[place] = true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.looks[at] = true
	return at, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.looks, at)
	}
}

// keep holds a claim in memory alone. It is called with the lock held.
func (l *Ledger) keep(h *hold) {
	l.held[h.entry.Fence], l.bare[h.place] = h, h
}

// forget lets a claim go. Who has read its place before, when there was no record, reads it again: no compare-and-set would tell before the mail is
// ending. It is called with the lock held.
func (l *Ledger) forget(fence uint64) {
	h := l.held[fence]
	delete(l.held, fence)
	if h == nil || l.bare[h.place] != h {
		return
	}
	delete(l.bare, h.place)
	for at := range l.looks {
		at.old = at.old || at.places[h.place]
	}
}

// holds reports whether the claim on an entry may still be held: by this process if it knows of it, and by another one if
// that lives. It is called with the lock held.
func (l *Ledger) holds(e *ledger.Entry) bool {
	if e == nil {
		return false
	}
	if owner := e.Fence >> ownerShift; owner != l.owners.self {
		return l.owners.alive(owner)
	}
	return l.held[e.Fence] != nil
}

// mayHold is holds without the lock held.
func (l *Ledger) mayHold(e *ledger.Entry) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.holds(e)
}

// bareAt returns the claims in memory alone whose places a filter takes, such as "book.*.X".
func (l *Ledger) bareAt(filter string) []hold {
	l.mu.Lock()
	defer l.mu.Unlock()
	var list []hold
	for place, h := range l.bare {
		if h.unwritten() && takes(filter, place) {
			list = append(list, *h)
		}
	}
	return list
}

// takes reports whether a filter takes a subject.
func takes(filter, subject string) bool {
	wants, has := strings.Split(filter, "."), strings.Split(subject, ".")
	return slices.EqualFunc(wants, has, func(want, has string) bool { return want == "*" || want == has })
}

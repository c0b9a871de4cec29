package jetstream

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// A batch costs the server several syncs of its disk, however small it is. So writes that come while one is under way wait, and are made
// together, in one batch.

// group is the writes that wait.
type group struct {
	mu      sync.Mutex
	waiting []*pending
	working bool
}

// pending is one write.
type pending struct {
	changes []change
	done    chan struct{} // closed when the rest is set
	first   uint64
	err     error
}

// How many records are written together, and how long they may take by their size, unless one write alone has more.
const (
	maxGroup     = 512
	maxGroupTime = 4 * time.Second
)

// write makes all changes or none. It returns the sequence number of the first; the others follow it. errConflict says that a
// record was another one, [ErrUnreachable] and the error of ctx that it is not known whether they were made, or will be.
func (s *stream) write(ctx context.Context, changes []change) (first uint64, err error) {
	if ctx.Err() != nil {
		return 0, context.Cause(ctx)
	}
	if len(changes) > maxBatch {
		return 0, fmt.Errorf("%d records in one write, at most %d", len(changes), maxBatch)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, patience+2*allowance(changes), ErrUnreachable)
	defer cancel()
	w := &pending{changes: changes, done: make(chan struct{})}
	s.group.mu.Lock()
	s.group.waiting = append(s.group.waiting, w)
	if !s.group.working {
		s.group.working = true
		go s.writeGroups()
	}
	s.group.mu.Unlock()
	select {
	case <-w.done:
		return w.first, w.err
	case <-ctx.Done():
		s.group.withdraw(w)
		return 0, context.Cause(ctx)
	}
}

// withdraw takes out a write that was not begun.
func (g *group) withdraw(w *pending) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.waiting = slices.DeleteFunc(g.waiting, func(other *pending) bool { return other == w })
}

// next takes out what is written together; nothing ends the work.
func (g *group) next() []*pending {
	g.mu.Lock()
	defer g.mu.Unlock()
	n, records, size := 0, 0, time.Duration(0)
	for n < len(g.waiting) {
		records += len(g.waiting[n].changes)
		size += allowance(g.waiting[n].changes)
		if n > 0 && (records > maxGroup || size > maxGroupTime) {
			break
		}
		n++
	}
	list := g.waiting[:n:n]
	g.waiting = g.waiting[n:]
	g.working = n > 0
	return list
}

func (s *stream) writeGroups() {
	for list := s.group.next(); len(list) > 0; list = s.group.next() {
		begin := time.Now()
		s.writeGroup(list)
		<-time.After(regather(len(list), time.Since(begin)))
	}
}

// regather is how long the next group waits for the writes of those who have just got their answers, n of them, after a group that took a time. Else
// there are two crowds of callers, of which one writes while the other waits, and each group is half as large as it could be. One caller alone is
// not waited for.
func regather(n int, took time.Duration) time.Duration {
	const part, most = 8, 5 * time.Millisecond
	if n < 2 {
		return 0
	}
	return min(took/part, most)
}

// writeGroup makes writes together, or one by one if one of them is refused.
func (s *stream) writeGroup(list []*pending) {
	var all []change
	for _, w := range list {
		all = append(all, w.changes...)
	}
	first, err := s.commit(all)
	if err != nil && len(list) > 1 && refused(err) {
		for _, w := range list {
			go func() {
				w.first, w.err = s.commit(w.changes)
				close(w.done)
			}()
		}
		return
	}
	for _, w := range list {
		w.first, w.err = first, err
		close(w.done)
		first += uint64(len(w.changes))
	}
}

// refused reports whether it is certain that nothing was written, because of what was to be written.
func refused(err error) bool {
	var said *apiError
	return !errors.Is(err, errUncertain) && (errors.Is(err, errConflict) || errors.As(err, &said) && !said.passing())
}

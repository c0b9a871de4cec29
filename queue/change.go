package queue

import (
	"context"
	"fmt"
	"iter"
	"sync"
)

// Change says what happened to a job, to all who look, in whichever process it happened.
type Change struct {
	What  What
	Entry Entry // as it is now, without Payload
}

// What is the kind of a [Change].
type What uint8

// The kinds.
const (
	// Queued: it was enqueued, or put back.
	Queued What = iota
	// Sending: a worker has taken it.
	Sending
	// Delayed: an attempt did not end it, and it waits until Entry.At; Entry.Outcome and Reason say why.
	Delayed
	// Parking: it is parked; Entry.Outcome and Reason say why.
	Parking
	// Sent: it was accepted for all recipients, and is not in the queue any more.
	Sent
	// Cancelled: it was removed.
	Cancelled
)

var whatNames = [...]string{"queued", "sending", "delayed", "parked", "sent", "cancelled"}

// String returns the kind in lower case.
func (w What) String() string {
	if int(w) < len(whatNames) {
		return whatNames[w]
	}
	return fmt.Sprintf("change %d", uint8(w))
}

// Hub hands changes to all who listen in this process. It is for an [Engine]. Its zero value is ready; it is safe for
// concurrent use.
type Hub struct {
	mu        sync.Mutex
	listeners map[*listener]bool
	closed    bool
}

// listener is what has happened and was not read yet.
type listener struct {
	list []Change
	lost bool
	wake chan struct{}
}

// maxUnread is how many changes may wait for a reader.
const maxUnread = 1 << 14

// Tell hands a change on. It does not wait for readers. The payload is left out.
func (h *Hub) Tell(what What, entry Entry) {
	h.mu.Lock()
	defer h.mu.Unlock()
	entry.Payload = nil
	for l := range h.listeners {
		if len(l.list) >= maxUnread {
			l.lost = true
			continue
		}
		l.list = append(l.list, Change{what, entry})
		l.poke()
	}
}

// Miss ends the sequences of all listeners with [ErrLost], for an engine that was cut off from those that tell it.
func (h *Hub) Miss() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for l := range h.listeners {
		l.lost = true
		l.poke()
	}
}

// Close ends the sequences of all listeners.
func (h *Hub) Close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	for l := range h.listeners {
		l.poke()
	}
}

func (l *listener) poke() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// Events returns what happens from this call on, until ctx ends, which is not an error, or the queue is closed, which is
// [ErrClosed]. A reader who does not keep up, or whose engine did not hear of everything, gets [ErrLost].
func (h *Hub) Events(ctx context.Context) iter.Seq2[Change, error] {
	l := &listener{wake: make(chan struct{}, 1)}
	h.mu.Lock()
	if h.listeners == nil {
		h.listeners = map[*listener]bool{}
	}
	h.listeners[l] = true
	if h.closed {
		l.poke()
	}
	h.mu.Unlock()
	leave := context.AfterFunc(ctx, func() { h.leave(l) }) // also when the sequence is never read
	return func(yield func(Change, error) bool) {
		defer leave()
		defer h.leave(l)
		for {
			list, err := h.read(l)
			for _, c := range list {
				if !yield(c, nil) {
					return
				}
			}
			if err != nil {
				yield(Change{}, err)
				return
			}
			select {
			case <-l.wake:
			case <-ctx.Done():
				return
			}
		}
	}
}

func (h *Hub) read(l *listener) (list []Change, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	list, l.list = l.list, nil
	switch {
	case l.lost:
		err = ErrLost
	case h.closed:
		err = ErrClosed
	}
	return list, err
}

func (h *Hub) leave(l *listener) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.listeners, l)
}

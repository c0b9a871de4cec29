// Package linear gives builders a handle that may be used once: the run-time twin of a moved value.
//
// A builder made of pointers mails the second user's message to the first when a template is
// reused; a builder made of plain values loses a step whose result was dropped. Both stay silent.
// A linear handle turns each of these mistakes into an error at the end of the chain.
package linear

import (
	"errors"
	"sync"
)

// ErrStale says that a handle was used a second time, or was never made by its constructor.
var ErrStale = errors.New("builder handle reused: keep the result of each step (b = b.To(...)), or fork it with Clone; a zero Builder cannot be used")

// Guard stands beside the state of a builder, or in it, and counts its uses. The zero Guard is ready. A state that is finished may be
// begun again: handles of before stay stale.
type Guard struct {
	mu  sync.Mutex
	gen uint64 // never the same twice
}

// Handle is one use of a guarded state. Step and Finish spend it, Look does not. The zero Handle is stale. Handles are
// safe for concurrent use: of several goroutines that step the same one, one wins.
type Handle struct {
	guard *Guard
	gen   uint64
}

// New returns the first handle of a state that has no Guard in it.
func New() Handle { return new(Guard).Begin() }

// Begin returns the first handle of the state that g stands in.
func (g *Guard) Begin() Handle {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.next()
}

// next returns the only handle that can be used from now on. The lock is held.
func (g *Guard) next() Handle {
	g.gen++
	return Handle{guard: g, gen: g.gen}
}

// lock takes the lock and reports whether h can be used.
func (h Handle) lock() bool {
	if h.guard == nil {
		return false
	}
	h.guard.mu.Lock()
	if h.gen != h.guard.gen {
		h.guard.mu.Unlock()
		return false
	}
	return true
}

// Step spends h, calls change, which may change the state, and returns the next handle. A stale handle gives a stale
// handle, and change is not called. It must not call code of the program that uses the builder: that could use the
// builder, and would wait for itself.
func (h Handle) Step(change func()) Handle {
	if !h.lock() {
		return Handle{}
	}
	defer h.guard.mu.Unlock()
	change()
	return h.guard.next()
}

// Look calls look, which may read the state, and leaves h usable. It reports false, without a call, when h is stale.
func (h Handle) Look(look func()) bool {
	if !h.lock() {
		return false
	}
	defer h.guard.mu.Unlock()
	look()
	return true
}

// Finish spends h; the state belongs to the caller alone from now on. The error is ErrStale.
func (h Handle) Finish() error {
	if !h.lock() {
		return ErrStale
	}
	defer h.guard.mu.Unlock()
	h.guard.gen++
	return nil
}

// Package linear gives builders a handle that may be used once: the run-time twin of a moved value.
//
// A builder made of pointers mails the second user's message to the first when a template is
// reused; a builder made of plain values loses a step whose result was dropped. Both stay silent.
// A linear handle turns each of these mistakes into an error at the end of the chain.
package linear

import (
	"errors"
	"sync"
	"sync/atomic"
)

// ErrStale says that a handle was used a second time, or was never made by its constructor.
var ErrStale = errors.New("builder handle reused: keep the result of each step (b = b.To(...)), or fork it with Clone; a zero Builder cannot be used")

// Guard stands beside the state of a builder, or in it, and counts its uses. The zero Guard is ready. A state that is finished may be
// begun again: handles of before stay stale.
type Guard struct {
	use     atomic.Uint64 // of the only handle that can be used, never the same twice; with looked while a Look is under way
	looking sync.Mutex    // of those who look, and of those who wait for their end
}

// A use is an even number: the lowest bit says that a Look is under way.
const (
	looked = 1
	oneUse = 2
)

// Handle is one use of a guarded state. Spend, Step and Finish spend it, Look does not. The zero Handle is stale. Handles are
// safe for concurrent use: of several goroutines that spend the same one, one wins.
type Handle struct {
	guard *Guard
	use   uint64
}

// New returns the first handle of a state that has no Guard in it.
func New() Handle { return new(Guard).Begin() }

// Begin returns the first handle of the state that g stands in.
func (g *Guard) Begin() Handle { return Handle{g, g.use.Add(oneUse)} }

// Spend spends h and returns the next handle. The state belongs to the caller alone until it hands that one on. A
// stale handle gives a stale handle, and false: the state must not be touched then.
func (h Handle) Spend() (Handle, bool) {
	if h.guard == nil || !h.guard.use.CompareAndSwap(h.use, h.use+oneUse) {
		return h.spendAfterLook()
	}
	return Handle{h.guard, h.use + oneUse}, true
}

// spendAfterLook is Spend for a handle that is stale, or through which another goroutine looks.
func (h Handle) spendAfterLook() (Handle, bool) {
	if h.guard == nil {
		return Handle{}, false
	}
	h.guard.looking.Lock()
	defer h.guard.looking.Unlock()
	if !h.guard.use.CompareAndSwap(h.use, h.use+oneUse) {
		return Handle{}, false
	}
	return Handle{h.guard, h.use + oneUse}, true
}

// Step spends h, calls change, which may change the state, and returns the next handle. A stale handle gives a stale
// handle, and change is not called.
func (h Handle) Step(change func()) Handle {
	next, ok := h.Spend()
	if ok {
		change()
	}
	return next
}

// Look calls look, which may read the state, and leaves h usable. It reports false, without a call, when h is stale. Those who
// spend h meanwhile wait: look must not call code of the program that uses the builder, which could use the builder.
func (h Handle) Look(look func()) bool {
	if h.guard == nil {
		return false
	}
	h.guard.looking.Lock()
	defer h.guard.looking.Unlock()
	if !h.guard.use.CompareAndSwap(h.use, h.use|looked) {
		return false
	}
	defer h.guard.use.Store(h.use)
	look()
	return true
}

// Finish spends h; the state belongs to the caller alone from now on. The error is ErrStale.
func (h Handle) Finish() error {
	if _, ok := h.Spend(); !ok {
		return ErrStale
	}
	return nil
}

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
var ErrStale = errors.New("builder handle used twice: keep the result of each step (b = b.To(...)) or fork with Clone; a zero one was never usable")

// State is what a handle guards. Clone returns the first handle of a copy that shares nothing mutable with it.
type State[S State[S]] interface {
	Clone() Handle[S]
}

// Handle is one use of a state. Step and Finish spend it; Clone does not. The zero Handle is stale.
// Handles are safe for concurrent use: of several goroutines that step the same one, one wins.
type Handle[S State[S]] struct {
	cell *Cell[S]
	gen  uint64
}

// Cell is the place of a state, and after it has been finished, of another one. The zero Cell is ready to use.
type Cell[S State[S]] struct {
	mu    sync.Mutex
	gen   uint64 // never the same twice, so that handles of earlier states stay stale
	state S
}

// New returns the first handle of state, which the caller must not touch any more.
func New[S State[S]](state S) Handle[S] { return new(Cell[S]).Begin(state) }

// Begin is New in this cell. Handles of the state that was in it are stale.
func (c *Cell[S]) Begin(state S) Handle[S] {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.gen++
	c.state = state
	return Handle[S]{cell: c, gen: c.gen}
}

// Step spends h, applies change to the state and returns the next handle. A stale handle gives a
// stale handle.
func (h Handle[S]) Step(change func(*S)) Handle[S] {
	if h.cell == nil {
		return h
	}
	h.cell.mu.Lock()
	defer h.cell.mu.Unlock()
	if h.gen != h.cell.gen {
		return Handle[S]{}
	}
	h.cell.gen++
	change(&h.cell.state)
	return Handle[S]{cell: h.cell, gen: h.cell.gen}
}

// Clone returns a handle of a copy of the state; h stays usable. The clone of a stale handle is
// stale.
func (h Handle[S]) Clone() Handle[S] {
	if h.cell == nil {
		return h
	}
	h.cell.mu.Lock()
	defer h.cell.mu.Unlock()
	if h.gen != h.cell.gen {
		return Handle[S]{}
	}
	return h.cell.state.Clone()
}

// Finish spends h and returns the state, which now belongs to the caller alone: all handles of it are
// stale.
func (h Handle[S]) Finish() (*S, error) {
	if h.cell == nil {
		return nil, ErrStale
	}
	h.cell.mu.Lock()
	defer h.cell.mu.Unlock()
	if h.gen != h.cell.gen {
		return nil, ErrStale
	}
	h.cell.gen++
	return &h.cell.state, nil
}

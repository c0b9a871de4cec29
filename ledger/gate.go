package ledger

import (
	"sync"

	"github.com/depeche-mail/depeche/transport"
)

// gate lets mail in until it is closed, and knows when the last has left.
type gate struct {
	mu     sync.Mutex
	closed bool
	inside int
	idle   chan struct{} // closed when the gate is and nothing is inside
}

func newGate() *gate { return &gate{idle: make(chan struct{})} }

func (g *gate) enter(n int) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return transport.ErrClosed
	}
	g.inside += n
	return nil
}

func (g *gate) leave(n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.inside -= n
	if g.closed && g.inside == 0 {
		close(g.idle)
	}
}

func (g *gate) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.closed && g.inside == 0 {
		close(g.idle)
	}
	g.closed = true
}

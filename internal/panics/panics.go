// Package panics carries a panic, or the end of a goroutine by runtime.Goexit, from a goroutine of this
// module to the goroutine of the caller whose code panicked.
package panics

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
)

// Panic is a panic that goes on in another goroutine. It is the value that recover returns there.
type Panic struct { //nolint:errname // it is a panic, and an error only so that errors.Is sees through it
	Value any    // of the first panic
	Stack []byte // of the goroutine where it happened
}

// Error tells the value and the first stack, so that the runtime prints both.
func (p *Panic) Error() string { return fmt.Sprintf("%v\n\n%s", p.Value, p.Stack) }

// Unwrap returns the value if it is an error.
func (p *Panic) Unwrap() error {
	err, _ := p.Value.(error)
	return err
}

// Catcher keeps the first panic of the functions that it runs. Its zero value is ready, and safe for
// concurrent use.
type Catcher struct {
	mu     sync.Mutex
	panic  *Panic
	exited bool
	failed chan struct{} // closed when a function did not return; nil until a caller asks
}

// Failed returns a channel that is closed when a function did not return.
func (c *Catcher) Failed() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failed == nil {
		c.failed = make(chan struct{})
		if c.panic != nil || c.exited {
			close(c.failed)
		}
	}
	return c.failed
}

// Do runs f. A panic of f ends Do and not the program; runtime.Goexit ends the goroutine, as always. It
// reports whether f returned.
func (c *Catcher) Do(f func()) (returned bool) {
	defer func() {
		if !returned {
			c.keep(recover())
		}
	}()
	f()
	return true
}

// keep takes note of what recover returned after a function that did not return.
func (c *Catcher) keep(value any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failed != nil && c.panic == nil && !c.exited {
		close(c.failed)
	}
	switch known := value.(type) {
	case nil:
		c.exited = true
	case *Panic:
		if c.panic == nil {
			c.panic = known
		}
	default:
		if c.panic == nil {
			c.panic = &Panic{Value: value, Stack: debug.Stack()}
		}
	}
}

// Caught reports whether a function did not return.
func (c *Catcher) Caught() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.panic != nil || c.exited
}

// Rethrow panics with the first panic, or ends the goroutine when a function did so. It does nothing when
// every function returned.
func (c *Catcher) Rethrow() {
	c.mu.Lock()
	p, exited := c.panic, c.exited
	c.mu.Unlock()
	switch {
	case p != nil:
		panic(p) //nolint:forbidigo // it is the caller's own
	case exited:
		runtime.Goexit()
	}
}

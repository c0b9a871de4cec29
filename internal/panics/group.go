package panics

import "sync"

// Group runs goroutines whose panics go on in the goroutine that waits for them. Its zero value is ready.
type Group struct {
	Catcher

	running sync.WaitGroup
}

// Go runs f in a goroutine.
func (g *Group) Go(f func()) { g.running.Go(func() { g.Do(f) }) }

// Wait returns when all have ended, and panics, or ends the goroutine, when one of them did so.
func (g *Group) Wait() {
	g.running.Wait()
	g.Rethrow()
}

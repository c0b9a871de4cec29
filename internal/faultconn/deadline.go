package faultconn

import (
	"net"
	"os"
	"sync"
	"time"
)

// deadline is a copy of what the connection was told, for calls that stall above it.
type deadline struct {
	mu      sync.Mutex
	at      time.Time
	changed chan struct{}
}

func (d *deadline) set(at time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.at = at
	close(d.changed)
	d.changed = make(chan struct{})
}

// wait blocks until the deadline has passed, also one that is set meanwhile, or until closed.
func (d *deadline) wait(closed <-chan struct{}) error {
	for {
		d.mu.Lock()
		at, changed := d.at, d.changed
		d.mu.Unlock()
		var timeout <-chan time.Time
		if !at.IsZero() {
			timer := time.NewTimer(time.Until(at))
			defer timer.Stop()
			timeout = timer.C
		}
		select {
		case <-timeout:
			return os.ErrDeadlineExceeded
		case <-changed:
		case <-closed:
			return net.ErrClosed
		}
	}
}

// SetDeadline sets both deadlines.
func (c *Conn) SetDeadline(t time.Time) error {
	c.limits[Read].set(t)
	c.limits[Write].set(t)
	return c.Conn.SetDeadline(t)
}

// SetReadDeadline ends calls of Read, also one that stalls.
func (c *Conn) SetReadDeadline(t time.Time) error {
	c.limits[Read].set(t)
	return c.Conn.SetReadDeadline(t)
}

// SetWriteDeadline ends calls of Write, also one that stalls.
func (c *Conn) SetWriteDeadline(t time.Time) error {
	c.limits[Write].set(t)
	return c.Conn.SetWriteDeadline(t)
}

// Package faultconn wraps a network connection so that it fails, stalls or ends exactly where a test
// says: after the N-th octet of a direction.
package faultconn

import (
	"errors"
	"io"
	"net"
	"sync"
)

// Direction is one of the two streams of a connection, seen from who holds the wrapper.
type Direction uint8

// The directions.
const (
	Write Direction = iota
	Read
)

// Effect is what happens at the point of a fault.
type Effect uint8

// The effects. Fail, Short and Stall meet the first call that wants to pass the point; Cut, Reset and
// HalfClose strike as soon as the octets before it have passed.
const (
	Fail      Effect = iota // this and every later call returns Err; the connection stays open
	Short                   // a write takes what lies before the point and returns io.ErrShortWrite, once
	Stall                   // the call blocks until its deadline or Close
	Cut                     // the connection is closed (FIN), and every later call returns net.ErrClosed
	Reset                   // like Cut by a RST, where the connection is TCP
	HalfClose               // for Write: the end of the stream is sent (FIN), reading goes on
)

// ErrFault is what a failed call returns if the fault has no error of its own.
var ErrFault = errors.New("faultconn: fault")

// Fault is one fault. At is the number of octets that still pass in the direction.
type Fault struct {
	Direction Direction
	At        int64
	Effect    Effect
	Err       error // for Fail; default ErrFault
}

// Conn is a connection with faults. Like every net.Conn it may be used by several goroutines.
type Conn struct {
	net.Conn

	mu     sync.Mutex
	faults []Fault
	counts [2]Count
	limits [2]deadline
	closed chan struct{}
	once   sync.Once
}

// Count is what passed in one direction.
type Count struct {
	Calls  int   // that reached the connection
	Octets int64 // that passed
}

// New wraps conn. Faults of one direction are met in the order of their points, whatever their order
// here; the slice is copied.
func New(conn net.Conn, faults ...Fault) *Conn {
	c := &Conn{Conn: conn, faults: append([]Fault(nil), faults...), closed: make(chan struct{})}
	for i := range c.limits {
		c.limits[i].changed = make(chan struct{})
	}
	return c
}

// Count returns what passed in a direction until now.
func (c *Conn) Count(d Direction) Count {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.counts[d]
}

// Close closes the connection and ends calls that stall.
func (c *Conn) Close() error {
	c.once.Do(func() { close(c.closed) })
	return c.Conn.Close()
}

// Read reads at most up to the next fault.
func (c *Conn) Read(p []byte) (int, error) {
	fault, limit := c.next(Read, len(p))
	if limit == 0 && fault != nil {
		return 0, c.strike(*fault)
	}
	n, err := c.Conn.Read(p[:limit])
	c.pass(Read, n)
	return n, err
}

// Write writes up to the next fault and on after it if the fault lets it.
func (c *Conn) Write(p []byte) (n int, err error) {
	fault, limit := c.next(Write, len(p))
	if limit > 0 || len(p) == 0 {
		n, err = c.Conn.Write(p[:limit])
		c.pass(Write, n)
	}
	if err != nil || n == len(p) {
		return n, err
	}
	return n, c.strike(*fault)
}

// next returns the nearest fault of a direction and how many of the octets lie before it.
func (c *Conn) next(d Direction, want int) (*Fault, int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	fault := c.nearest(d)
	if fault == nil {
		return nil, want
	}
	near := *fault
	return &near, int(min(int64(want), max(near.At-c.counts[d].Octets, 0)))
}

func (c *Conn) nearest(d Direction) *Fault {
	var near *Fault
	for i := range c.faults {
		if f := &c.faults[i]; f.Direction == d && (near == nil || f.At < near.At) {
			near = f
		}
	}
	return near
}

// pass counts, and ends the connection if its point was reached.
func (c *Conn) pass(d Direction, n int) {
	c.mu.Lock()
	c.counts[d].Calls++
	c.counts[d].Octets += int64(n)
	fault := c.nearest(d)
	reached := fault != nil && fault.At <= c.counts[d].Octets && fault.Effect >= Cut
	c.mu.Unlock()
	if reached {
		_ = c.strike(*fault)
	}
}

// strike does what a fault says and returns the error of the call that met it.
func (c *Conn) strike(f Fault) error {
	switch f.Effect {
	case Short:
		c.forget(f)
		return io.ErrShortWrite
	case Stall:
		return c.limits[f.Direction].wait(c.closed)
	case Cut:
		_ = c.Close()
		return net.ErrClosed
	case Reset:
		if tcp, ok := c.Conn.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
		_ = c.Close()
		return net.ErrClosed
	case HalfClose:
		if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
			_ = half.CloseWrite()
		}
		return net.ErrClosed
	default:
		if f.Err != nil {
			return f.Err
		}
		return ErrFault
	}
}

// forget removes a fault that strikes once.
func (c *Conn) forget(f Fault) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, have := range c.faults {
		if have.Direction == f.Direction && have.At == f.At && have.Effect == f.Effect {
			c.faults = append(c.faults[:i], c.faults[i+1:]...)
			return
		}
	}
}

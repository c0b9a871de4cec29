package memconn

import (
	"context"
	"net"
	"sync"
)

// Listener takes connections in memory. It is a [net.Listener], and its Dial makes the connections.
type Listener struct {
	waiting chan *End
	closed  chan struct{}
	once    sync.Once
}

// Listen returns a listener. Up to backlog connections wait for Accept.
func Listen(backlog int) *Listener {
	return &Listener{waiting: make(chan *End, backlog), closed: make(chan struct{})}
}

// Dial connects to the listener, which need not have called Accept. It waits while the backlog is full, until ctx
// ends or the listener is closed.
func (l *Listener) Dial(ctx context.Context) (*End, error) {
	near, far := Pipe()
	select {
	case <-l.closed:
		return nil, net.ErrClosed
	default:
	}
	select {
	case l.waiting <- far:
		return near, nil
	case <-l.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// Accept returns the next connection.
func (l *Listener) Accept() (net.Conn, error) {
	select {
	case <-l.closed:
		return nil, net.ErrClosed
	case conn := <-l.waiting:
		return conn, nil
	}
}

// Close ends Accept and Dial. Connections that nothing has accepted are reset.
func (l *Listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	for {
		select {
		case conn := <-l.waiting:
			_ = conn.Reset()
		default:
			return nil
		}
	}
}

// Addr returns [Addr].
func (l *Listener) Addr() net.Addr { return Addr{} }

// Package link is a TCP proxy on the loopback interface that behaves like a long link: what goes in at
// one end comes out at the other half a round trip later, in order and at full bandwidth.
package link

import (
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// pieceSize is how much is read at once; pieces bounds what is on its way in one direction to 64 MiB.
const (
	pieceSize = 64 << 10
	pieces    = 1024
)

// Link is a running proxy. It is safe for concurrent use.
type Link struct {
	listener net.Listener
	target   string
	delay    time.Duration // of one direction
	done     chan struct{}
	running  sync.WaitGroup
}

// Start opens a proxy to target, a TCP address, with a round trip time. A round trip of zero forwards
// at once. The caller closes it.
func Start(target string, roundTrip time.Duration) (*Link, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	l := &Link{listener: listener, target: target, delay: roundTrip / 2, done: make(chan struct{})}
	l.running.Go(l.accept)
	return l, nil
}

// Addr returns the address that clients dial, host and port.
func (l *Link) Addr() string { return l.listener.Addr().String() }

// Close ends all connections at once and waits until nothing runs any more.
func (l *Link) Close() error {
	close(l.done)
	err := l.listener.Close()
	l.running.Wait()
	return err
}

func (l *Link) accept() {
	for {
		near, err := l.listener.Accept()
		if err != nil {
			return
		}
		l.running.Go(func() { l.join(near) })
	}
}

// join carries one connection. The kernel shakes hands with the client at once; on a real link the server
// would see the connection one and a half round trips after the client asked for it, so it is dialed then.
func (l *Link) join(near net.Conn) {
	defer func() { _ = near.Close() }()
	if !l.until(time.Now().Add(3 * l.delay)) {
		return
	}
	far, err := net.Dial("tcp", l.target)
	if err != nil {
		return
	}
	defer func() { _ = far.Close() }()
	ended := make(chan struct{})
	var both sync.WaitGroup
	both.Go(func() { l.carry(far, near) })
	both.Go(func() { l.carry(near, far) })
	go func() { both.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-l.done:
		_, _ = near.Close(), far.Close()
		<-ended
	}
}

// piece is some octets and when they arrive.
type piece struct {
	data []byte
	due  time.Time
}

// carry copies from one end to the other, each piece when it is due, and passes the end of the stream on.
func (l *Link) carry(to, from net.Conn) {
	way := make(chan piece, pieces)
	gone := make(chan struct{}) // no reader takes pieces any more
	var reader sync.WaitGroup
	reader.Go(func() {
		defer close(way)
		for {
			data := make([]byte, pieceSize)
			n, err := from.Read(data)
			if n > 0 {
				select {
				case way <- piece{data[:n], time.Now().Add(l.delay)}:
				case <-gone:
					return
				}
			}
			if err != nil {
				if !errors.Is(err, io.EOF) {
					_ = to.Close() // a reset goes both ways
				}
				return
			}
		}
	})
	for p := range way {
		if !l.until(p.due) {
			break
		}
		if _, err := to.Write(p.data); err != nil {
			_ = from.Close()
			break
		}
	}
	close(gone)
	if half, ok := to.(*net.TCPConn); ok {
		_ = half.CloseWrite()
	}
	reader.Wait()
}

// until waits for a moment; it is false when the link was closed before.
func (l *Link) until(due time.Time) bool {
	left := time.Until(due)
	if left <= 0 {
		return true
	}
	timer := time.NewTimer(left)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-l.done:
		return false
	}
}

//go:build unix

package client

import (
	"net"
	"syscall"
)

// peeker looks, without waiting, whether something has come on a connection that was not read yet: octets,
// the end of the stream, or an error. It is kept, because making one for each look costs more than the look.
type peeker struct {
	own   pender          // a connection that can tell itself, such as one in memory; else nil
	raw   syscall.RawConn // nil for a connection that cannot be looked at, on which nothing is ever pending
	octet [1]byte
	found bool
	look  func(fd uintptr)
}

// pender is an optional ability of a connection: Pending reports, without waiting, whether octets or the end
// of the stream can be read.
type pender interface{ Pending() bool }

func newPeeker(nc net.Conn) *peeker {
	p := &peeker{}
	p.look = func(fd uintptr) {
		_, _, err := syscall.Recvfrom(int(fd), p.octet[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		p.found = err != syscall.EAGAIN && err != syscall.EWOULDBLOCK && err != syscall.EINTR
	}
	p.own, _ = nc.(pender)
	if sc, ok := nc.(syscall.Conn); ok {
		p.raw, _ = sc.SyscallConn() // fails on a closed connection only, which the next read finds out
	}
	return p
}

// pending is called by one goroutine at a time.
func (p *peeker) pending() bool {
	if p.own != nil {
		return p.own.Pending()
	}
	if p.raw == nil {
		return false
	}
	err := p.raw.Control(p.look)
	return err != nil || p.found
}

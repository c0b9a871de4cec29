//go:build unix

package client

import (
	"net"
	"syscall"
)

// pendingInput looks, without waiting, whether something has come that was not read yet: octets, the
// end of the stream, or an error. A connection that cannot be looked at has nothing pending.
func pendingInput(nc net.Conn) bool {
	sc, ok := nc.(syscall.Conn)
	if !ok {
		return false
	}
	rc, err := sc.SyscallConn()
	if err != nil {
		return true
	}
	pending := false
	err = rc.Control(func(fd uintptr) {
		var b [1]byte
		_, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		pending = err != syscall.EAGAIN && err != syscall.EWOULDBLOCK && err != syscall.EINTR
	})
	return err != nil || pending
}

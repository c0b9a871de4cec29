package limit

import (
	"net"
	"syscall"
)

// acknowledge has the system acknowledge at once what was read; else it waits for 40 ms, and a server that sends each reply by
// itself without TCP_NODELAY has until then no other on the way.
func acknowledge(conn *net.TCPConn) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return // it is closed, which the next read finds out
	}
	_ = raw.Control(func(fd uintptr) { _ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_QUICKACK, 1) })
}

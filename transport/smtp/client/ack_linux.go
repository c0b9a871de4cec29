package client

import "syscall"

// acknowledge has the system say at once that what was read has come. Else it waits for up to 40 ms, because what is
// written next could say so too; and a server that writes each reply by itself, without TCP_NODELAY, has until then one of
// them on the way and holds the others back (RFC 9293 section 3.7.4). Linux forgets the option as soon as more is written,
// so it is set each time. Where there is no TCP, it has no effect.
func (p *peeker) acknowledge() {
	if p.raw != nil {
		_ = p.raw.Control(quickAck) // fails on a closed connection only, which the next read finds out
	}
}

func quickAck(fd uintptr) {
	_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_QUICKACK, 1)
}

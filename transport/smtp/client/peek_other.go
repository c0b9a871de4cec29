//go:build !unix

package client

import "net"

// peeker looks whether something has come, on a connection that can tell itself. On others the reader finds
// out what comes.
type peeker struct{ own pender }

// pender is an optional ability of a connection: Pending reports, without waiting, whether octets or the end
// of the stream can be read.
type pender interface{ Pending() bool }

func newPeeker(nc net.Conn) *peeker {
	own, _ := nc.(pender)
	return &peeker{own}
}

func (p *peeker) pending() bool { return p.own != nil && p.own.Pending() }

//go:build !unix

package client

import "net"

// peeker cannot look without waiting here; the reader finds out what comes.
type peeker struct{}

func newPeeker(net.Conn) *peeker { return &peeker{} }

func (*peeker) pending() bool { return false }

//go:build !unix

package client

import "net"

// pendingInput cannot look without waiting here; the reader finds out what comes.
func pendingInput(net.Conn) bool { return false }

package outcome

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
)

// ErrConnectionLost is what errors.Is finds in the error of each send whose connection ended, by the server or on
// the way, while an answer was due. A refusal, a limit that ran out, the end of the caller's ctx and a connection
// that never came about are not losses. It says nothing about what became of the mail: the outcomes do.
var ErrConnectionLost = errors.New("the connection to the relay was lost")

// IsLoss reports whether err, as a connection returned it, says that the stream has ended.
func IsLoss(err error) bool {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) {
		return false
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return true
	}
	network, ok := errors.AsType[*net.OpError](err)
	return ok && (network.Op == "read" || network.Op == "write" || network.Op == "remote error") && !errors.Is(err, net.ErrClosed)
}

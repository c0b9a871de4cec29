package outcome_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"testing"

	"github.com/depeche-mail/depeche/transport/outcome"
)

// TestIsLoss: the stream ended, in whatever way a system says so. Time that ran out and a dial that failed are not
// losses.
func TestIsLoss(t *testing.T) {
	system := func(op string, number syscall.Errno) error {
		return fmt.Errorf("outer: %w", &net.OpError{Op: op, Net: "tcp", Err: os.NewSyscallError(op, number)})
	}
	for name, tc := range map[string]struct {
		err  error
		want bool
	}{
		"none":                {nil, false},
		"end":                 {io.EOF, true},
		"end in a line":       {fmt.Errorf("x: %w", io.ErrUnexpectedEOF), true},
		"reset":               {system("read", syscall.ECONNRESET), true},
		"broken pipe":         {system("write", syscall.EPIPE), true},
		"no keepalive":        {system("read", syscall.ETIMEDOUT), true},
		"host unreachable":    {system("read", syscall.EHOSTUNREACH), true},
		"an alert of TLS":     {&net.OpError{Op: "remote error", Err: errors.New("tls: internal error")}, true},
		"a dial":              {system("dial", syscall.ECONNREFUSED), false},
		"closed by this side": {&net.OpError{Op: "read", Err: net.ErrClosed}, false},
		"a limit":             {&net.OpError{Op: "read", Err: os.ErrDeadlineExceeded}, false},
		"the caller's end":    {errors.Join(context.Canceled, io.EOF), false},
		"the caller's time":   {errors.Join(context.DeadlineExceeded, io.EOF), false},
		"something else":      {errors.New("x"), false},
	} {
		if got := outcome.IsLoss(tc.err); got != tc.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

//go:build unix

package file

import (
	"context"
	"errors"
	"os"
	"syscall"
	"time"
)

// lockFile waits until no other process has the file locked, or ctx ends. Closing it gives the lock back.
func lockFile(ctx context.Context, f *os.File) error {
	const often = 5 * time.Millisecond
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EINTR) && !errors.Is(err, syscall.EWOULDBLOCK) {
			return err
		}
		select {
		case <-time.After(often):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

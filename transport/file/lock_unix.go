//go:build unix

package file

import (
	"errors"
	"os"
	"syscall"
)

// lockFile waits until no other process has the file locked. Closing it gives the lock back.
func lockFile(f *os.File) error {
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX)
		if !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}

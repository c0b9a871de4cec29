//go:build unix

package file

import (
	"errors"
	"syscall"
)

// processLives reports whether a process of this host has not ended, as far as this user can tell.
func processLives(pid int) bool {
	err := syscall.Kill(pid, 0)
	return !errors.Is(err, syscall.ESRCH)
}

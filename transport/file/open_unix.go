//go:build unix

package file

import (
	"os"
	"syscall"
)

// openNoFollow opens a file and neither follows a symbolic link at the end of its path nor waits for the
// other end of a named pipe.
func openNoFollow(path string, flags int) (*os.File, error) {
	return os.OpenFile(path, flags|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0o600)
}

//go:build !unix

package jetstream

import (
	"errors"
	"os"
)

// lock takes a file for this process until it is closed. A system without flock keeps a file that is open from being
// removed, which is what this goes by.
func lock(path string) (*os.File, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, errors.Join(ErrLocked, err)
	}
	return os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
}

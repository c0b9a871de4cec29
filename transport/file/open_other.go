//go:build !unix

package file

import (
	"errors"
	"os"
)

// openNoFollow opens a file and does not follow a symbolic link at the end of its path. Without a flag for
// that it looks before and after: a link that comes in between is found by the second look.
func openNoFollow(path string, flags int) (*os.File, error) {
	if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() {
		return nil, &os.PathError{Op: "open", Path: path, Err: errNotRegular}
	}
	f, err := os.OpenFile(path, flags, 0o600)
	if err != nil {
		return nil, err
	}
	opened, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if named, err := os.Lstat(path); err != nil || !os.SameFile(opened, named) {
		return nil, errors.Join(&os.PathError{Op: "open", Path: path, Err: errNotRegular}, err, f.Close())
	}
	return f, nil
}

package file

import (
	"errors"
	"io"
	"os"
)

// errNotRegular says why a file is not opened: what a link or a pipe leads to was not meant.
var errNotRegular = errors.New("a symbolic link, pipe, device or folder; name a regular file")

// openRegular opens a regular file and nothing else.
func openRegular(path string, flags int) (*os.File, error) {
	f, err := openNoFollow(path, flags)
	if err != nil {
		if info, failed := os.Lstat(path); failed == nil && !info.Mode().IsRegular() {
			return nil, &os.PathError{Op: "open", Path: path, Err: errNotRegular}
		}
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &os.PathError{Op: "open", Path: path, Err: errNotRegular}
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// lookRegular returns what is known of a regular file, and an error for anything else.
func lookRegular(path string) (os.FileInfo, error) {
	info, err := os.Lstat(path)
	if err == nil && !info.Mode().IsRegular() {
		return nil, &os.PathError{Op: "read", Path: path, Err: errNotRegular}
	}
	return info, err
}

// readRegular returns what a regular file holds.
func readRegular(path string) ([]byte, error) {
	if _, err := lookRegular(path); err != nil {
		return nil, err
	}
	f, err := openRegular(path, os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(f)
	return data, errors.Join(err, f.Close())
}

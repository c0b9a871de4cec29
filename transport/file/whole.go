package file

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/depeche-mail/depeche/envelope"
)

// makeFolder makes sure that a folder is there, for the owner alone if it is new.
func makeFolder(dir string) error {
	if dir == "" {
		return &envelope.FieldError{Field: "Dir", Err: errors.New("a folder is needed")}
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return &envelope.FieldError{Field: "Dir", Value: dir, Err: err}
	}
	return nil
}

// newID returns an id that sorts by time and that no program can guess.
func newID() string {
	return time.Now().UTC().Format(idLayout) + "-" + rand.Text()
}

const idLayout = "20060102T150405.000000000Z"

// idTime returns when an id was made; the zero time for ids of others.
func idTime(id string) time.Time {
	if len(id) < len(idLayout) {
		return time.Time{}
	}
	made, err := time.Parse(idLayout, id[:len(idLayout)])
	if err != nil {
		return time.Time{}
	}
	return made
}

// checkID refuses what could be more than the name of a file in the folder.
func checkID(id string) error {
	ok := id != "" && len(id) <= 200 && id[0] != '.'
	for i := range len(id) {
		c := id[i]
		ok = ok && ('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_' || c == '.' || c == ',' || c == '=')
	}
	if !ok {
		return &envelope.FieldError{Field: "ID", Value: id, Err: errors.New("want an id that a transport has given")}
	}
	return nil
}

// writeWhole makes path appear with everything that fill writes, or not at all. Until then it is at
// temporary, which is in the same file system.
func writeWhole(ctx context.Context, temporary, path string, fill func(*os.File) error) (err error) {
	f, err := os.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(temporary))
		}
	}()
	err = fill(f)
	if err == nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Rename(temporary, path); err != nil {
		return err
	}
	if err := syncFolder(filepath.Dir(path)); err != nil {
		if failed := os.Remove(path); failed != nil {
			return uncertainError{errors.Join(err, failed)}
		}
		return err
	}
	return nil
}

// syncFolder flushes the names in a folder. Windows does so by itself and can't be asked.
func syncFolder(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("flush folder: %w", err)
	}
	return nil
}

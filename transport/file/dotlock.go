package file

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// dotLock is the lock file beside a mailbox, path + ".lock", which mail programs have agreed on: the
// program that makes the file has the lock until it removes the file. Ours holds "pid:host", as that of
// Dovecot 2.3 does.
//
// The file is made under another name and then linked to its own. A link fails where there is a file
// already, as O_EXCL does, and the lock is never there without the name of its owner, also when this
// process is killed at any moment. The process keeps the lock file open and has a flock on it: that
// tells the living from the dead also where process ids do not, as between two containers.
type dotLock struct {
	path string
	f    *os.File
}

// lockMode lets programs of other users read who has the lock.
const lockMode = 0o644

// takeDotLock takes the lock at path, or returns nil when another program has it.
func takeDotLock(path string) (*dotLock, error) {
	name := ownName(path)
	f, err := makeLockFile(name)
	if err != nil {
		return nil, err
	}
	err = os.Link(name, path)
	if failed := os.Remove(name); err == nil {
		err = failed
	}
	if err == nil {
		return &dotLock{path, f}, nil
	}
	if failed := f.Close(); failed != nil || errors.Is(err, os.ErrExist) {
		return nil, failed
	}
	// This file system has no links. A process that is killed between the two steps of making the file
	// leaves a lock without an owner, which a person has to remove.
	switch f, err = makeLockFile(path); {
	case errors.Is(err, os.ErrExist):
		return nil, nil //nolint:nilnil // not to have the lock is an answer
	case err != nil:
		return nil, err
	}
	return &dotLock{path, f}, nil
}

// makeLockFile makes a file that names this process.
func makeLockFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, lockMode)
	if err != nil {
		return nil, err
	}
	_, err = flock(f, true) // no other program knows the file yet
	if err == nil {
		_, err = io.WriteString(f, ownerText())
	}
	if err != nil {
		return nil, errors.Join(err, f.Close(), os.Remove(path))
	}
	return f, nil
}

// release gives the lock back, unless another program has replaced the file by one of its own: some do so
// when a lock is old.
func (l *dotLock) release() (err error) {
	defer func() { err = errors.Join(err, l.f.Close()) }()
	held, err := l.f.Stat()
	if err != nil {
		return err
	}
	if named, err := os.Lstat(l.path); err != nil || !os.SameFile(held, named) {
		return nil
	}
	return os.Remove(l.path)
}

// lockOwner says who made a lock file.
type lockOwner struct {
	info os.FileInfo
	text string // what the file holds; "" where it cannot be read
	// dead is true for a process of this host that has ended. Only "pid:host" says so: a lock that names no
	// process, such as the "0" of procmail's lockfile, may be that of a living one.
	dead bool
}

// readOwner returns the owner of the lock at path; fs.ErrNotExist when the lock is free. The lock of a dead
// owner is removed if remove says so. The flock on it, which the dead one has lost, makes sure that only one
// process at a time finds it dead: otherwise the second would remove a lock that was taken meanwhile.
func readOwner(path string, remove bool) (lockOwner, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return lockOwner{}, err
	}
	owner := lockOwner{info: info}
	f, err := openRegular(path, os.O_RDONLY)
	if err != nil {
		return owner, nil //nolint:nilerr // a lock that cannot be read is a lock
	}
	const longest = 512
	text, err := io.ReadAll(io.LimitReader(f, longest))
	if err == nil {
		owner.text = strings.TrimSpace(string(text))
		unlocked, failed := flock(f, true)
		owner.dead = namesDead(owner.text) && (unlocked || failed != nil) // some file systems know no flock
		owner.info, err = f.Stat()
	}
	if err == nil && owner.dead && remove {
		if named, failed := os.Lstat(path); failed == nil && os.SameFile(named, owner.info) {
			err = os.Remove(path)
		}
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return lockOwner{info: info}, nil //nolint:nilerr // the same
	}
	return owner, nil
}

// namesDead reports whether "pid:host" names a process of this host that has ended.
func namesDead(text string) bool {
	pid, host, _ := strings.Cut(text, ":")
	own, err := os.Hostname()
	n, failed := strconv.Atoi(pid)
	return err == nil && failed == nil && host == own && n > 0 && !processLives(n)
}

// String describes the owner for an error text.
func (o lockOwner) String() string {
	age := time.Since(o.info.ModTime()).Round(time.Second)
	if o.text == "" {
		return fmt.Sprintf("%v old, names no process", age)
	}
	return fmt.Sprintf("%v old, says %q", age, o.text)
}

// ownerText names this process in a lock file.
func ownerText() string {
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	return strconv.Itoa(os.Getpid()) + ":" + host
}

// ownInfix marks the names that ownName makes.
const ownInfix = ".depeche-"

// ownName returns a new name beside path that tells which process made the file.
func ownName(path string) string {
	return path + ownInfix + strconv.Itoa(os.Getpid()) + "-" + rand.Text()
}

// sweep removes the files named by ownName that killed processes have left beside path.
func sweep(path string) error {
	const emptyFor = time.Hour // a file that does not name its process yet
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), filepath.Base(path)+ownInfix) {
			continue
		}
		name := filepath.Join(filepath.Dir(path), e.Name())
		owner, err := readOwner(name, true)
		if err != nil || owner.text != "" || time.Since(owner.info.ModTime()) < emptyFor {
			continue
		}
		if err := os.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

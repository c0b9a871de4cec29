package file

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"time"
)

// ErrLocked means that another program kept the lock of an mbox file for longer than a minute. The text
// names the lock file, its age and what it says of its owner. Nothing was written.
var ErrLocked = errors.New("file: mailbox is locked by another program")

// lockPatience is how long a locked mailbox is waited for.
const lockPatience = time.Minute

// holding is a mailbox that is open and locked.
type holding struct {
	f   *os.File
	dot *dotLock // nil for readers
}

// hold opens a mailbox and locks it, shared for reading and exclusive for writing. It waits for other
// programs, at most lockPatience and until ctx ends. Neither kind of lock is waited for while the other is
// held, so that a program that takes them in the other order cannot block both.
func hold(ctx context.Context, path string, write bool) (*holding, error) {
	deadline := time.Now().Add(lockPatience)
	const first, longest = 2 * time.Millisecond, 50 * time.Millisecond
	for pause := first; ; pause = min(2*pause, longest) {
		h, why, err := tryHold(path, write)
		if err != nil || h != nil {
			return h, err
		}
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("%w: %s", ErrLocked, why)
		}
		select {
		case <-time.After(pause + rand.N(pause)): //nolint:gosec // it spreads attempts and keeps no secret
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// tryHold is one attempt; without a holding and an error it says what is in the way.
func tryHold(path string, write bool) (h *holding, why string, err error) {
	flags := os.O_RDONLY
	if write {
		flags = os.O_RDWR | os.O_APPEND | os.O_CREATE
	}
	f, err := openRegular(path, flags)
	if err != nil {
		return nil, "", err
	}
	h = &holding{f: f}
	why, err = h.lock(path, write)
	if err != nil || why != "" {
		return nil, why, errors.Join(err, h.release())
	}
	return h, "", nil
}

// lock takes the locks, or says what is in the way.
func (h *holding) lock(path string, write bool) (why string, err error) {
	// The lock file is looked at first: another program may wait for that of a dead process, with a kernel
	// lock in its hands, and give neither back.
	if why, err := dotLocked(path+".lock", write); err != nil || why != "" {
		return why, err
	}
	ok, err := lockFile(h.f, write)
	if err != nil {
		return "", &os.PathError{Op: "lock", Path: path, Err: err}
	}
	if !ok {
		return "a program has a flock or fcntl lock on " + path, nil
	}
	if write {
		h.dot, err = takeDotLock(path + ".lock")
		if err == nil && h.dot == nil {
			why = path + ".lock is in use"
		}
	} else {
		why, err = dotLocked(path+".lock", false) // it may have been made meanwhile
	}
	if err != nil || why != "" {
		return why, err
	}
	return h.replaced(path)
}

// dotLocked says whether the lock file keeps this program out. One that a dead process has left does not,
// and a writer removes it.
func dotLocked(path string, remove bool) (why string, err error) {
	owner, err := readOwner(path, remove)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return "", nil
	case err != nil:
		return "", err
	case !owner.dead:
		return fmt.Sprintf("%s is %v; remove it if the program that made it has ended", path, owner), nil
	}
	return "", nil
}

// replaced says whether path names another file by now: then the locks guard nothing.
func (h *holding) replaced(path string) (why string, err error) {
	held, err := h.f.Stat()
	if err != nil {
		return "", err
	}
	named, err := os.Lstat(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", err
	}
	if err != nil || !os.SameFile(held, named) {
		return path + " is being replaced by another program", nil
	}
	return "", nil
}

// release closes the mailbox, which gives the kernel locks back, and removes the lock file.
func (h *holding) release() (err error) {
	if h.dot != nil {
		err = h.dot.release()
	}
	return errors.Join(err, h.f.Close())
}

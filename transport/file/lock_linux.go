package file

import (
	"errors"
	"io"
	"os"
	"syscall"
)

// mayLock says that a mailbox can be locked on this system.
const mayLock = true

// ofdSetLock is F_OFD_SETLK (fcntl(2), Linux 3.15). Such a lock belongs to the open file. The older
// F_SETLK belongs to the process, and the kernel drops it as soon as the process closes any descriptor of
// the file, for example one that a reader in another goroutine had opened.
const ofdSetLock = 37

// lockFile takes both kernel locks that other programs use, flock and fcntl, or none of them. It does not
// wait: false says that another open file holds one. Closing f gives them back. A file system that knows
// no fcntl locks leaves flock alone to guard the file.
func lockFile(f *os.File, exclusive bool) (bool, error) {
	ok, err := flock(f, exclusive)
	if err != nil || !ok {
		return false, err
	}
	lock := syscall.Flock_t{Type: syscall.F_RDLCK, Whence: io.SeekStart}
	if exclusive {
		lock.Type = syscall.F_WRLCK
	}
	switch err := syscall.FcntlFlock(f.Fd(), ofdSetLock, &lock); {
	case errors.Is(err, syscall.EAGAIN), errors.Is(err, syscall.EACCES), errors.Is(err, syscall.EINTR):
		return false, syscall.Flock(int(f.Fd()), syscall.LOCK_UN)
	case errors.Is(err, syscall.EINVAL), errors.Is(err, syscall.ENOLCK), errors.Is(err, syscall.ENOTSUP):
		return true, nil
	default:
		return err == nil, err
	}
}

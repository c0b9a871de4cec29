//go:build darwin || dragonfly || freebsd || netbsd || openbsd

package file

import "os"

// mayLock says that a mailbox can be locked on this system.
const mayLock = true

// lockFile takes the kernel lock of f, or does not: it does not wait, and false says that another open
// file has one. Closing f gives it back. On these systems flock and fcntl locks exclude each other
// (flock(2) of FreeBSD 14 and macOS 14), so that one of them is enough.
func lockFile(f *os.File, exclusive bool) (bool, error) { return flock(f, exclusive) }

//go:build !darwin && !dragonfly && !freebsd && !linux && !netbsd && !openbsd

package file

import "os"

// mayLock says that a mailbox can be locked on this system. It cannot, so that [Mbox] refuses to write.
const mayLock = false

// lockFile has no lock to take; a reader goes without one.
func lockFile(*os.File, bool) (bool, error) { return true, nil }

// flock finds every file unlocked.
func flock(*os.File, bool) (bool, error) { return true, nil }

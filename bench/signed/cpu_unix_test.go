//go:build unix

package signed

import (
	"syscall"
	"time"
)

// busy is how long the process has had a core, which does not depend on what else the machine does.
func busy() time.Duration {
	var use syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &use); err != nil {
		return 0
	}
	return time.Duration(use.Utime.Nano() + use.Stime.Nano())
}

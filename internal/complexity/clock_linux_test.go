package complexity

import (
	"runtime"
	"syscall"
	"time"
)

// spent is the time that f takes of a processor, in which other programs have no part.
func spent(f func()) time.Duration {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	const thread = 1 // RUSAGE_THREAD
	var before, after syscall.Rusage
	if syscall.Getrusage(thread, &before) != nil {
		return elapsed(f)
	}
	f()
	if syscall.Getrusage(thread, &after) != nil {
		return 0
	}
	total := func(r *syscall.Rusage) time.Duration { return time.Duration(r.Utime.Nano() + r.Stime.Nano()) }
	return total(&after) - total(&before)
}

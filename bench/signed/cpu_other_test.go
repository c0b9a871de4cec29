//go:build !unix

package signed

import "time"

var started = time.Now()

// busy is the time that has passed, where the system does not say how long the process has had a core.
func busy() time.Duration { return time.Since(started) }

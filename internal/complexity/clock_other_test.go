//go:build !linux

package complexity

import "time"

func spent(f func()) time.Duration { return elapsed(f) }

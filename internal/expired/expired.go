// Package expired tells whether a ctx has ended, also in the moment in which its deadline has passed and
// its timer has not fired yet: another timer with the same deadline, such as that of a net.Dialer, may
// have been first.
package expired

import (
	"context"
	"time"
)

// Cause returns why ctx has ended, or nil.
func Cause(ctx context.Context) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	if ends, ok := ctx.Deadline(); ok && !time.Now().Before(ends) {
		return context.DeadlineExceeded
	}
	return nil
}

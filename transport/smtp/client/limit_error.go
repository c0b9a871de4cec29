package client

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/depeche-mail/depeche/internal/expired"
)

// limitError says that a limit of Config.Timeouts has passed. To errors.Is it is not context.DeadlineExceeded,
// which always means the deadline of the caller's ctx, although the standard library uses it for both.
type limitError struct {
	limit time.Duration
	err   error
}

// within returns err as that of a step that had its own limit, unless the caller's ctx has ended.
func within(ctx context.Context, limit time.Duration, err error) error {
	if err == nil || expired.Cause(ctx) != nil || !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return &limitError{limit: limit, err: err}
}

func (e *limitError) Error() string {
	text := e.err.Error()
	if text == context.DeadlineExceeded.Error() || text == os.ErrDeadlineExceeded.Error() {
		text = "no answer"
	}
	return fmt.Sprintf("%s within %v", text, e.limit)
}

// Timeout and Temporary make it a net.Error.
func (e *limitError) Timeout() bool   { return true }
func (e *limitError) Temporary() bool { return true }

func (e *limitError) Is(target error) bool {
	return target != context.DeadlineExceeded && errors.Is(e.err, target)
}

func (e *limitError) As(target any) bool { return errors.As(e.err, target) }

package jetstream

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// TestUnreachable: what no server answers is tried again until patience ends, and the error says so beside the last cause.
func TestUnreachable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		silent, tries, begin := errors.New("no answer"), 0, time.Now()
		_, err := new(stream).patiently(t.Context(), func(context.Context) (bool, error) {
			tries++
			return false, silent
		})
		if !errors.Is(err, ErrUnreachable) || !errors.Is(err, silent) || tries < 2 || time.Since(begin) != patience {
			t.Errorf("%v after %d tries and %v", err, tries, time.Since(begin))
		}
	})
}

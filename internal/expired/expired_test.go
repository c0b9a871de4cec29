package expired_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/depeche-mail/depeche/internal/expired"
)

// late is a ctx whose timer has not fired although its deadline has passed.
type late struct{ context.Context }

func (late) Deadline() (time.Time, bool) { return time.Now().Add(-time.Nanosecond), true }

func TestCause(t *testing.T) {
	why := errors.New("why")
	ended, cancel := context.WithCancelCause(t.Context())
	cancel(why)
	ahead, stop := context.WithTimeout(t.Context(), time.Hour)
	defer stop()
	for name, tc := range map[string]struct {
		ctx  context.Context
		want error
	}{
		"goes on":             {t.Context(), nil},
		"a deadline to come":  {ahead, nil},
		"ended":               {ended, why},
		"the deadline passed": {late{t.Context()}, context.DeadlineExceeded},
	} {
		t.Run(name, func(t *testing.T) {
			if got := expired.Cause(tc.ctx); !errors.Is(got, tc.want) {
				t.Errorf("got %v, want %v", got, tc.want)
			}
		})
	}
}

package smtp

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestShareIsForgotten: a relay that was restarted twice must not be taken for one with a limit for ever.
// It looks inside, because the clock that it needs stands still on real connections.
func TestShareIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s share
		s.hangUp(1)
		if s.limit() != 0 {
			t.Error("once is no proof")
		}
		s.hangUp(1)
		if s.limit() != 1 {
			t.Error("twice is one")
		}
		time.Sleep(shareKept) // of the bubble
		if s.limit() != 0 {
			t.Error("it was kept for ever")
		}
	})
}

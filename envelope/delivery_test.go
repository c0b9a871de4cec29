package envelope_test

import (
	"testing"
	"time"

	"github.com/depeche-mail/depeche/envelope"
)

// TestRounding: a limit on delivery is rounded to the stricter second, a hold to the later one.
func TestRounding(t *testing.T) {
	for d, want := range map[time.Duration][2]int64{ // seconds of DeliverBy and of HoldFor
		0: {0, 0}, time.Second: {1, 1}, 1500 * time.Millisecond: {1, 2}, 1: {0, 1}, -1: {-1, 0}, -time.Second: {-1, -1}, -1500 * time.Millisecond: {-2, -1},
	} {
		got := [2]int64{envelope.DeliverBy{Within: d}.Seconds(), envelope.Options{HoldFor: d}.HoldSeconds()}
		if got != want {
			t.Errorf("%v: %d seconds to deliver and to hold, want %d", d, got, want)
		}
	}
	noon := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	for hold, want := range map[time.Time]time.Time{
		noon:                      noon,
		noon.Add(1):               noon.Add(time.Second),
		noon.Add(time.Second - 1): noon.Add(time.Second),
	} {
		if got := (envelope.Options{HoldUntil: hold.In(time.FixedZone("", 3600))}).HoldTime(); !got.Equal(want) || got.Location() != time.UTC {
			t.Errorf("%v: held until %v, want %v", hold, got, want)
		}
	}
}

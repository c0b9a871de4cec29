package pool

import (
	"fmt"
	"log/slog"
	"time"
)

// String returns the figures on one line.
func (s Stats) String() string {
	text := fmt.Sprintf("%d idle, %d busy, %d opening, %d waiting; %d opened, %d failed, %d reused, %d closed, %d waits of %v together",
		s.Idle, s.Busy, s.Opening, s.Waiting, s.Opened, s.Failed, s.Reused, s.Closed, s.Waits, s.WaitTime.Round(time.Microsecond))
	if s.Refused > 0 {
		text += fmt.Sprintf("; %d refused as too many", s.Refused)
	}
	if s.Limit > 0 {
		text += fmt.Sprintf(", at most %d now", s.Limit)
	}
	return text
}

// LogValue returns the figures as numbers.
func (s Stats) LogValue() slog.Value {
	return slog.GroupValue(
		slog.Int("idle", s.Idle), slog.Int("busy", s.Busy), slog.Int("opening", s.Opening), slog.Int("waiting", s.Waiting),
		slog.Int("opened", s.Opened), slog.Int("failed", s.Failed), slog.Int("reused", s.Reused), slog.Int("closed", s.Closed),
		slog.Int("refused", s.Refused), slog.Int("limit", s.Limit),
		slog.Int("waits", s.Waits), slog.Duration("wait_time", s.WaitTime),
	)
}

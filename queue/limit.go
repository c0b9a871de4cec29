package queue

import (
	"errors"
	"fmt"
	"time"

	"github.com/depeche-mail/depeche/envelope"
)

// Limit is how often mail goes to one relay at most, counted over all workers of a queue, in all processes. It counts jobs
// that are taken; one is sent soon after.
type Limit struct {
	// Every is the time between two jobs on average; 0 means no limit.
	Every time.Duration
	// Burst is how many may go at once after a pause; 0 means 1.
	Burst int
}

func (l Limit) check(relay string) error {
	if l.Every >= 0 && l.Burst >= 0 {
		return nil
	}
	return &envelope.FieldError{Field: "Limits", Value: fmt.Sprintf("%s: every %v, burst %d", relay, l.Every, l.Burst), Err: errors.New("must not be negative")}
}

// Reserve takes up to want places, for an [Engine]. What the engine keeps for a relay is one time, the zero time at first: it is
// given as cell and replaced by next. With no place granted, wait is how long it takes until there is one.
func (l Limit) Reserve(cell, now time.Time, want int) (granted int, next time.Time, wait time.Duration) {
	if l.Every <= 0 {
		return want, cell, 0
	}
	slack := time.Duration(max(l.Burst, 1)-1) * l.Every // generic cell rate algorithm: cell is when the last place taken is over
	if cell.Before(now) {
		cell = now
	}
	ahead := cell.Sub(now)
	if ahead > slack {
		return 0, cell, ahead - slack
	}
	granted = min(want, int((slack-ahead)/l.Every)+1)
	return granted, cell.Add(time.Duration(granted) * l.Every), 0
}

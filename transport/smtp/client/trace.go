package client

import (
	"fmt"
	"io"
	"strings"
	"sync"
)

// Transcript collects events; its Add is a Config.Trace. It keeps the last 200. The zero value is
// ready, and safe for concurrent use.
type Transcript struct {
	// Keep, if it is set, says which events are kept, such as those [OfMail]. It must not be changed after the first
	// event.
	Keep func(Event) bool

	mu     sync.Mutex
	events []Event
}

const transcriptLength = 200

// OfMail returns a Keep for the events of one mail, by its Message-ID or its key: the transcript of that mail over a pool
// in which others are under way.
func OfMail(messageIDOrKey string) func(Event) bool {
	return func(e Event) bool {
		return messageIDOrKey != "" && (e.MessageID == messageIDOrKey || e.Key == messageIDOrKey)
	}
}

// Add appends an event.
func (t *Transcript) Add(e Event) {
	if t.Keep != nil && !t.Keep(e) {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.events) == transcriptLength {
		t.events = append(t.events[:0], t.events[1:]...)
	}
	t.events = append(t.events, e)
}

// Events returns a copy of what is kept, oldest first.
func (t *Transcript) Events() []Event {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]Event(nil), t.events...)
}

// Format writes what String returns, for every verb, so that a Transcript can be printed while events come.
func (t *Transcript) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, t.String()) }

// String returns the events, a line each.
func (t *Transcript) String() string {
	var b strings.Builder
	for _, e := range t.Events() {
		b.WriteString(e.String() + "\n")
	}
	return b.String()
}

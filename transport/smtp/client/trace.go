package client

import (
	"fmt"
	"strings"
	"sync"
	"time"
)

// EventKind says what an Event tells.
type EventKind uint8

// The kinds of events.
const (
	EventConnected EventKind = iota + 1 // Text is the address of the other end
	EventTLS                            // Text is the version and cipher suite
	EventCommand                        // Text is the line without CRLF, secrets masked
	EventReply                          // Text is the reply on one line, secrets masked
	EventContent                        // Octets of a message were handed to the connection
	EventClosed                         // Text is the reason
)

// Event is one step of a session as the wire saw it. It never holds a secret or message content.
type Event struct {
	Kind   EventKind
	Time   time.Time
	Text   string
	Octets int64
}

// String returns the event as a line of a transcript: "C: " for the client, "S: " for the server.
func (e Event) String() string {
	switch e.Kind {
	case EventCommand:
		return "C: " + e.Text
	case EventReply:
		return "S: " + e.Text
	case EventContent:
		return fmt.Sprintf("C: (%d octets of content)", e.Octets)
	case EventConnected:
		return "-- connected to " + e.Text
	case EventTLS:
		return "-- " + e.Text
	case EventClosed:
		return "-- closed: " + e.Text
	}
	return "-- " + e.Text
}

// Transcript collects events; its Add is a Config.Trace. It keeps the last 200. The zero value is
// ready, and safe for concurrent use.
type Transcript struct {
	mu     sync.Mutex
	events []Event
}

const transcriptLength = 200

// Add appends an event.
func (t *Transcript) Add(e Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.events) == transcriptLength {
		t.events = append(t.events[:0], t.events[1:]...)
	}
	t.events = append(t.events, e)
}

// String returns the events, a line each.
func (t *Transcript) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var b strings.Builder
	for _, e := range t.events {
		b.WriteString(e.String() + "\n")
	}
	return b.String()
}

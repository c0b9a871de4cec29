package client

import (
	"context"
	"fmt"
	"log/slog"
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
	EventNote                           // Text explains what follows
)

var eventNames = [...]string{"", "connected", "tls", "command", "reply", "content", "closed", "note"}

// String returns the kind as a word.
func (k EventKind) String() string {
	if k > 0 && int(k) < len(eventNames) {
		return eventNames[k]
	}
	return fmt.Sprintf("event %d", uint8(k))
}

// MarshalText returns what String returns.
func (k EventKind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (k *EventKind) UnmarshalText(text []byte) error {
	for i, name := range eventNames {
		if i > 0 && name == string(text) {
			*k = EventKind(i)
			return nil
		}
	}
	return fmt.Errorf("%q is not a kind of event", text)
}

// Event is one step of a session as the wire saw it. It never holds a secret or message content; the lines of MAIL and
// RCPT, and replies, hold addresses.
type Event struct {
	Kind   EventKind
	Time   time.Time
	Text   string
	Octets int64
	// Conn is the number of the connection, see [Conn.ID].
	Conn uint64
	// MessageID and Key are those of the mail that the event is about, "" for one about the connection alone.
	MessageID, Key string
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
	case EventClosed:
		return "-- closed: " + e.Text
	}
	return "-- " + e.Text
}

// about returns e as one about the mail to which an expectation belongs.
func (e Event) about(what expectation) Event {
	h, ok := what.to.(*heard)
	if !ok || h.mail == nil {
		return e
	}
	if m, ok := h.mail.(interface{ MessageID() string }); ok {
		e.MessageID = m.MessageID()
	}
	if m, ok := h.mail.(interface{ Key() string }); ok {
		e.Key = m.Key()
	}
	return e
}

// Record returns the event as a record of package slog, with the message "smtp" and a field for each thing that is
// known.
func (e Event) Record(level slog.Level) slog.Record {
	r := slog.NewRecord(e.Time, level, "smtp", 0)
	r.AddAttrs(e.attrs()...)
	return r
}

// LogValue returns the fields of Record.
func (e Event) LogValue() slog.Value { return slog.GroupValue(e.attrs()...) }

func (e Event) attrs() []slog.Attr {
	list := []slog.Attr{slog.Uint64("connection", e.Conn), slog.String("event", e.Kind.String())}
	for _, field := range []struct{ name, value string }{
		{"text", e.Text}, {"message_id", e.MessageID}, {"key", e.Key},
	} {
		if field.value != "" {
			list = append(list, slog.String(field.name, field.value))
		}
	}
	if e.Octets != 0 {
		list = append(list, slog.Int64("octets", e.Octets))
	}
	return list
}

// LogTrace returns a Config.Trace that writes a record of level Debug for each event. Lines and replies hold
// addresses.
func LogTrace(logger *slog.Logger) func(Event) {
	return func(e Event) {
		ctx := context.Background()
		if logger.Enabled(ctx, slog.LevelDebug) {
			_ = logger.Handler().Handle(ctx, e.Record(slog.LevelDebug)) // a log that fails must not end a session
		}
	}
}

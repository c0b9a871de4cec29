package smtptest

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"sync"
)

// Exchange is what one side said until the other spoke.
type Exchange struct {
	Client bool // else the server
	TLS    bool
	Octets []byte // secrets as they came
}

// Session is what happened on one connection.
type Session struct {
	ID         int // from 1, in the order of the accepts
	Hello      string
	User       string // of AUTH
	TLS        bool
	Open       bool
	Transcript []Exchange // without the content if [Config.DiscardContent] is set
	Commands   []string   // the lines that were taken as commands, in order
	// Smuggled are the Commands that lay in octets of a chunk which the server did not swallow.
	Smuggled []string
	// RoundTrips is how often the server had replies to send and nothing more to read; the greeting is
	// not counted.
	RoundTrips int
}

// Count returns how many commands with this verb came.
func (s Session) Count(verb string) int {
	n := 0
	for _, line := range s.Commands {
		if v, _ := cutVerb(line); v == verb {
			n++
		}
	}
	return n
}

// Sent returns all octets that the client sent, Received all that it was sent.
func (s Session) Sent() []byte { return s.octets(true) }

// Received returns all octets that the server sent.
func (s Session) Received() []byte { return s.octets(false) }

func (s Session) octets(client bool) []byte {
	var all []byte
	for _, e := range s.Transcript {
		if e.Client == client {
			all = append(all, e.Octets...)
		}
	}
	return all
}

// String returns the dialogue line by line after "C: " and "S: ", with secrets.
func (s Session) String() string {
	var text strings.Builder
	for _, e := range s.Transcript {
		who := "S: "
		if e.Client {
			who = "C: "
		}
		for line := range strings.Lines(string(e.Octets)) {
			text.WriteString(who + strings.TrimRight(line, "\r\n") + "\n")
		}
	}
	return text.String()
}

// recorder keeps everything that happened and wakes those who wait for it.
type recorder struct {
	mu         sync.Mutex
	changed    chan struct{}
	forget     bool // [Config.Forget]
	accepted   int  // how many sessions there were
	sessions   []*Session
	messages   []*Message
	violations []Violation
	proven     bool // a refused chunk was swallowed and answered
}

func newRecorder(forget bool) *recorder {
	return &recorder{changed: make(chan struct{}), forget: forget}
}

// update changes the record under its lock.
func (r *recorder) update(change func()) {
	r.mu.Lock()
	change()
	close(r.changed)
	r.changed = make(chan struct{})
	r.mu.Unlock()
}

// say adds octets to the transcript of a session.
func (r *recorder) say(s *Session, e Exchange) {
	if r.forget {
		return
	}
	r.update(func() {
		if n := len(s.Transcript); n > 0 && s.Transcript[n-1].Client == e.Client && s.Transcript[n-1].TLS == e.TLS {
			s.Transcript[n-1].Octets = append(s.Transcript[n-1].Octets, e.Octets...)
			return
		}
		e.Octets = bytes.Clone(e.Octets)
		s.Transcript = append(s.Transcript, e)
	})
}

// Messages returns copies of the stored messages, in the order of their ends.
func (s *Server) Messages() []Message {
	return slices.DeleteFunc(s.Attempts(), func(m Message) bool { return !m.Stored })
}

// Attempts returns copies of all transactions whose content began, also those refused or cut off.
func (s *Server) Attempts() []Message {
	s.record.mu.Lock()
	defer s.record.mu.Unlock()
	var list []Message
	for _, m := range s.record.messages {
		list = append(list, m.clone())
	}
	return list
}

// Sessions returns copies of the records of all connections, in the order of the accepts.
func (s *Server) Sessions() []Session {
	s.record.mu.Lock()
	defer s.record.mu.Unlock()
	var list []Session
	for _, session := range s.record.sessions {
		out := *session
		out.Commands = slices.Clone(out.Commands)
		out.Smuggled = slices.Clone(out.Smuggled)
		out.Transcript = slices.Clone(out.Transcript)
		for i := range out.Transcript {
			out.Transcript[i].Octets = bytes.Clone(out.Transcript[i].Octets)
		}
		list = append(list, out)
	}
	return list
}

// Wait blocks until the condition holds, which it asks now and after every change of the record, or
// until ctx ends, whose error it then returns. The condition may call every method of the server.
func (s *Server) Wait(ctx context.Context, condition func() bool) error {
	for {
		s.record.mu.Lock()
		changed := s.record.changed
		s.record.mu.Unlock()
		if condition() {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// WaitMessages waits for n stored messages and returns all.
func (s *Server) WaitMessages(ctx context.Context, n int) ([]Message, error) {
	var list []Message
	err := s.Wait(ctx, func() bool {
		list = s.Messages()
		return len(list) >= n
	})
	return list, err
}

// WaitIdle waits until n connections were opened and all are closed, and returns their records.
func (s *Server) WaitIdle(ctx context.Context, n int) ([]Session, error) {
	var list []Session
	err := s.Wait(ctx, func() bool {
		list = s.Sessions()
		return len(list) >= n && !slices.ContainsFunc(list, func(s Session) bool { return s.Open })
	})
	return list, err
}

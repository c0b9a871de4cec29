package smtptest

import (
	"math"
	"net"
	"strings"
	"sync"
	"time"
)

// Throttle is how much a server takes before it refuses, in the words of [Config.Dialect]; a zero field allows any number.
// The limits hold for all clients together, as for one account. A limit on connections is [Config.MaxConnections],
// one on recipients of a message [Config.MaxRecipients].
//
// A command that a hook answers is neither counted nor refused.
type Throttle struct {
	// PerConnection is how many transactions one connection may carry.
	PerConnection int
	// Rate is how many messages may come in any time of its length.
	Rate Rate
	// PerDay and RecipientsPerDay are how many messages and how many recipients may come in any 24 hours.
	PerDay, RecipientsPerDay int
	// Domains is the rate of recipients by domain, in lower case.
	Domains map[string]Rate
}

// Rate is a number in a time; the zero Rate allows any number. A Per of 0 is one second.
type Rate struct {
	Count int
	Per   time.Duration
}

// window remembers when things happened, as far back as its rate asks for.
type window struct {
	rate  Rate
	times []time.Time
}

// wait returns how long it takes until one more may happen, 0 when it may now.
func (w *window) wait(now time.Time) time.Duration {
	if w == nil || w.rate.Count == 0 {
		return 0
	}
	begin := now.Add(-w.rate.Per)
	old := 0
	for old < len(w.times) && !w.times[old].After(begin) {
		old++
	}
	w.times = w.times[old:]
	if len(w.times) < w.rate.Count {
		return 0
	}
	return w.times[len(w.times)-w.rate.Count].Sub(begin)
}

func (w *window) take(now time.Time) {
	if w != nil && w.rate.Count > 0 {
		w.times = append(w.times, now)
	}
}

// gauge counts what a server has taken, for [Config.Throttle].
type gauge struct {
	mu              sync.Mutex
	rate, day, rcpt window
	domains         map[string]*window
}

func newGauge(t Throttle) *gauge {
	const day = 24 * time.Hour
	g := &gauge{rate: newWindow(t.Rate), day: window{rate: Rate{t.PerDay, day}}, rcpt: window{rate: Rate{t.RecipientsPerDay, day}}}
	g.domains = map[string]*window{}
	for name, rate := range t.Domains {
		w := newWindow(rate)
		g.domains[strings.ToLower(name)] = &w
	}
	return g
}

func newWindow(r Rate) window {
	if r.Per == 0 {
		r.Per = time.Second
	}
	return window{rate: r}
}

// measure is one limit that a point of a session may reach.
type measure struct {
	*window

	refusal Refusal
}

// says reports whether a refusal is said at a point. A client that uses BDAT says no DATA: it hears at the end of the content
// what others hear there.
func (s *session) says(r Refusal, at string) bool {
	return r.At == at || r.At == Data && at == End && s.message != nil && s.message.Chunks > 0
}

// measures returns the windows that are asked at a point.
func (s *session) measures(at string) []measure {
	g, d := s.server.gauge, &s.config.Dialect
	var list []measure
	add := func(w *window, r Refusal) {
		if w != nil && w.rate.Count > 0 && s.says(r, at) {
			list = append(list, measure{w, r})
		}
	}
	add(&g.day, d.Day)
	if at == Rcpt {
		r := d.Day
		r.At = Rcpt
		add(&g.rcpt, r)
	}
	add(&g.rate, d.Rate)
	_, domain, _ := strings.Cut(s.recipient, "@")
	add(g.domains[strings.ToLower(domain)], d.Domain)
	return list
}

// throttle decides whether a limit is reached at a point at which the server would say yes. Otherwise it counts.
// wait is how long the server makes the client wait before it looks again, for a limit that has no words.
func (s *session) throttle(at string) (refused Refusal, wait time.Duration) {
	switch {
	case s.says(s.config.Dialect.Session, at) && s.config.Throttle.PerConnection > 0 && s.transactions >= s.config.Throttle.PerConnection:
		return s.config.Dialect.Session, 0
	case s.says(s.config.Dialect.Connections, at) && s.server.crowded(s.info.ID):
		return s.config.Dialect.Connections, 0
	}
	list := s.measures(at)
	if len(list) == 0 {
		return Refusal{}, 0
	}
	g, now := s.server.gauge, s.config.Clock()
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, m := range list {
		if d := m.wait(now); d > 0 && m.refusal.Reply == "" {
			return Refusal{}, d
		} else if d > 0 {
			return m.refusal, 0
		}
	}
	for _, m := range list {
		m.take(now)
	}
	return Refusal{}, 0
}

// limit returns what the server does at a point instead of what it would say, because of a limit; the zero Action
// where there is none.
func (s *session) limit(at, own string) (Action, error) {
	if !positive(own) && code(own) != 354 {
		return Action{}, nil
	}
	for {
		refusal, wait := s.throttle(at)
		if wait <= 0 {
			return refusal.action(s.config.Hostname), nil
		}
		if err := s.pause(wait); err != nil {
			return Action{}, err
		}
	}
}

// crowded reports whether as many connections as may be are open that are older than a session.
func (s *Server) crowded(id int) bool {
	if s.Config.MaxConnections <= 0 {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	older := 0
	for _, other := range s.conns {
		if other < id {
			older++
		}
	}
	return older >= s.Config.MaxConnections
}

// free lets another connection take the place of one that is being closed.
func (s *Server) free(conn net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, open := s.conns[conn]; open {
		s.conns[conn] = math.MaxInt
	}
}

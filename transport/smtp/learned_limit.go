package smtp

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/depeche-mail/depeche/transport/smtp/client"
)

// learnedLimit is how many mails the relay takes over one connection, as far as it has shown: three
// connections in a row that it ended after the same number of mails, by 421 or without a word, and none that
// went further. It is forgotten after a while, because nothing can disprove it while it is kept. After that a
// relay that closes without a word is given the next mail so that a close leaves it NotSent.
type learnedLimit struct {
	mu      sync.Mutex
	last    int  // after how many mails the last connection ended
	row     int  // how many connections in a row ended there
	silent  bool // one of them without a word
	limit   int  // 0 for none
	since   time.Time
	careful int         // after how many mails the next one is sent with care; 0 for never
	watched atomic.Bool // row or careful is set, so that it matters how far a connection comes
}

const (
	limitProven = 3
	limitKept   = 10 * time.Minute
)

// ended notes a connection that the relay ended in place of a further mail.
func (s *learnedLimit) ended(after int, silent bool) {
	if after < 1 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last != after {
		s.last, s.row, s.silent = after, 0, false
	}
	s.row++
	s.watched.Store(true)
	s.silent = s.silent || silent
	if s.row >= limitProven && (s.limit == 0 || after < s.limit) {
		s.limit, s.since = after, time.Now()
	}
}

// reached notes that a connection has brought so many mails to an end.
func (s *learnedLimit) reached(mails int) {
	if !s.watched.Load() {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if mails > s.last {
		s.row, s.careful = 0, 0
		s.watched.Store(false)
	}
}

// current returns the limit, or 0.
func (s *learnedLimit) current() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forget()
	return s.limit
}

// forget ends the time of a limit. One more connection that ends at the same mail proves it anew.
func (s *learnedLimit) forget() {
	if s.limit == 0 || time.Since(s.since) < limitKept {
		return
	}
	if s.silent {
		s.careful = s.limit
	}
	s.limit, s.row = 0, limitProven-1
}

// careAfter is client.Config.CarefulAfter of the next connection.
func (s *learnedLimit) careAfter() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forget()
	return s.careful
}

// isHangUp reports whether a receipt shows a 421, or what means the same, in place of a mail.
func isHangUp(r *client.Result) bool {
	f, lost := r.Failure()
	return lost && f.Response.AboutLoad() && (f.Phase == client.PhaseReset || f.Phase == client.PhaseMail)
}

// maxErrors is after how many refused commands in a row a connection is replaced by another one: one more, and
// Postfix (smtpd_soft_error_limit) delays each reply by a second.
const maxErrors = 9

// full reports whether a connection has had as many mails as it may.
func (t *Transport) full(c *client.Conn) bool {
	if c.ReachedMailMax() || c.ErrorsInRow() >= maxErrors {
		return true
	}
	for _, limit := range [...]int{t.limits.MaxMessages, t.account.limit.current()} {
		if limit > 0 && c.Transactions() >= limit {
			return true
		}
	}
	return false
}

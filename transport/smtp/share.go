package smtp

import (
	"sync"
	"time"

	"github.com/depeche-mail/depeche/transport/smtp/client"
	"github.com/depeche-mail/depeche/transport/smtp/response"
)

// share is how many mails the relay takes over one connection, as far as it has shown: one that says
// 421 before it looks at a mail, behind the same number of mails on two connections in a row, has a
// limit that its EHLO reply did not tell. Once is no proof: relays also say 421 when they shut down. And
// it is forgotten after a while, because no connection can disprove it while it is kept.
type share struct {
	mu    sync.Mutex
	last  int
	most  int // 0 for no limit
	since time.Time
}

const shareKept = 10 * time.Minute

// hangUp notes a connection that got 421 in place of a further mail.
func (s *share) hangUp(after int) {
	if after < 1 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last == after && (s.most == 0 || after < s.most) {
		s.most, s.since = after, time.Now()
	}
	s.last = after
}

func (s *share) limit() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.most > 0 && time.Since(s.since) >= shareKept {
		s.most, s.last = 0, 0
	}
	return s.most
}

// isHangUp reports whether a receipt shows a 421 in place of a mail.
func isHangUp(r *client.Receipt) bool {
	return r.Err != nil && r.Err.Response.Code == response.ServiceUnavailable &&
		(r.Err.Phase == client.PhaseReset || r.Err.Phase == client.PhaseMail)
}

// full reports whether a connection has had as many mails as it may.
func (t *Transport) full(c *client.Conn) bool {
	if c.Spent() {
		return true
	}
	for _, most := range [...]int{t.limits.MaxMessages, t.share.limit()} {
		if most > 0 && c.Sends() >= most {
			return true
		}
	}
	return false
}

package smtptest

import (
	"fmt"
	"strings"
	"time"
)

// content reads one DATA content or one chunk. It unstuffs dots by itself, octet by octet.
type content struct {
	s     *session
	left  int64 // octets of the chunk; for DATA unbounded
	data  bool  // DATA: ends with CRLF . CRLF
	state dotState
	done  bool
	lines lineWatch
}

// dotState is where in a line of DATA the reader is.
type dotState uint8

const (
	lineStart dotState = iota // at the start, or after CRLF
	inLine
	afterCR
	afterDot   // CRLF .
	afterDotCR // CRLF . CR
)

// read takes n octets off the wire, or less if the content ends.
func (c *content) read(n int64) error {
	for n > 0 && !c.done {
		piece, err := c.s.link.peek()
		if err != nil {
			return err
		}
		piece = piece[:min(int64(len(piece)), n)]
		var used int
		if c.data {
			used = c.unstuff(piece) // what follows the dot is a command
		} else {
			used = int(min(int64(len(piece)), c.left))
			c.keep(piece[:used], piece[:used])
			c.left -= int64(used)
			c.done = c.left == 0
		}
		c.s.link.take(used)
		n -= int64(used)
	}
	return nil
}

// finish reads to the end.
func (c *content) finish() error { return c.read(1<<63 - 1) }

// unstuff takes a piece of DATA and says how much of it belonged to the content.
func (c *content) unstuff(piece []byte) int {
	clean := make([]byte, 0, len(piece)+2)
	wire := make([]byte, 0, len(piece)+2)
	for i, o := range piece {
		switch {
		case c.state == lineStart && o == '.':
			c.state = afterDot
			continue
		case c.state == afterDot && o == '\r':
			c.state = afterDotCR
			continue
		case c.state == afterDotCR && o == '\n':
			c.done = true
			c.keep(clean, wire)
			return i + 1
		case c.state == afterDot:
			wire = append(wire, '.')
		case c.state == afterDotCR:
			// A line of a dot, a CR and something: the dot was stuffed, whatever follows.
			wire = append(wire, '.', '\r')
			clean = append(clean, '\r')
			c.state = afterCR
		}
		wire, clean = append(wire, o), append(clean, o)
		switch {
		case o == '\n' && c.state == afterCR:
			c.state = lineStart
		case o == '\r':
			c.state = afterCR
		default:
			c.state = inLine
		}
	}
	c.keep(clean, wire)
	return len(piece)
}

// keep adds to the message.
func (c *content) keep(clean, wire []byte) {
	c.lines.watch(wire)
	m := c.s.message
	c.s.server.record.update(func() {
		m.Size += int64(len(clean))
		m.Time = time.Now()
		switch {
		case c.s.config.DiscardContent:
		case !c.s.config.Forget:
			m.Content = append(m.Content, clean...)
			m.Wire = append(m.Wire, wire...)
		case c.s.config.MaxSize > 0 && m.Size > c.s.config.MaxSize:
			m.Content = nil // it is refused at its end
		default:
			m.Content = append(m.Content, clean...)
		}
	})
}

// start begins the content of the transaction, once.
func (s *session) start() {
	if s.message != nil {
		return
	}
	s.message = &Message{
		Session: s.info.ID, Transaction: s.transactions, Hello: s.info.Hello, User: s.info.User,
		TLS: s.phase.tls, Time: time.Now(), From: s.from, Recipients: s.recipients,
	}
	if !s.config.Forget {
		s.server.record.update(func() { s.server.record.messages = append(s.server.record.messages, s.message) })
	}
}

func (s *session) data() error {
	own := reply(354, "end with a dot")
	switch {
	case s.message != nil || s.broken:
		own = reply(503, "5.5.1 DATA does not mix with BDAT")
	case !s.open:
		own = reply(503, "5.5.1 need MAIL command")
	case len(s.recipients) == 0:
		own = reply(554, "5.5.1 no valid recipients")
	case strings.EqualFold(s.from.Params["BODY"], "BINARYMIME"):
		own = reply(503, "5.5.1 BINARYMIME needs BDAT")
	}
	text, err := s.respond(Data, own)
	if err != nil || code(text) != 354 {
		return err
	}
	s.start()
	c := &content{s: s, data: true, lines: lineWatch{s: s}}
	return s.receive(c, true)
}

// receive reads content and answers its end. A reply given at Body is the answer then.
func (s *session) receive(c *content, first bool) error {
	s.content = c
	s.link.quiet = s.config.DiscardContent
	defer func() { s.content, s.link.quiet = nil, false }()
	var early string
	if first {
		var err error
		if early, err = s.respondTo(Body, &answer{decided: s.early}); err != nil {
			return err
		}
	}
	if err := c.finish(); err != nil {
		return err
	}
	if c.data && s.config.RefuseAhead {
		s.ahead = len(s.link.in)
	}
	if early != "" {
		s.end()
		s.broken = !c.data
		return nil
	}
	if c.data {
		return s.finish()
	}
	return nil
}

// early notes a verdict on content that has not ended.
func (s *session) early(text string) {
	if text == "" {
		return
	}
	m := s.message
	s.server.record.update(func() { m.Reply = strings.TrimSpace(text) })
}

// finish answers the end of the content.
func (s *session) finish() error {
	m := s.message
	s.server.record.update(func() { m.Complete, m.Time = true, time.Now() })
	s.content, s.link.quiet = nil, false
	own := reply(250, fmt.Sprintf("2.0.0 queued as %d.%d", s.info.ID, s.transactions))
	switch {
	case len(m.Recipients) == 0:
		own = reply(554, "5.5.1 no valid recipients")
	case s.config.MaxSize > 0 && m.Size > s.config.MaxSize:
		own = reply(552, "5.3.4 message too big")
	}
	err := s.verdict(own)
	if m.Stored {
		s.errors, s.junk = 0, 0
	}
	s.end()
	return err
}

// verdict answers once, or for LMTP once per recipient (RFC 2033 section 4.2).
func (s *session) verdict(own string) error {
	m := s.message
	list := m.Recipients
	if s.config.Protocol != LMTP || len(list) == 0 {
		_, err := s.respondTo(End, s.verdictFor(m, list, own))
		return err
	}
	for i := range list {
		s.recipient = list[i].Address
		_, err := s.respondTo(End, s.verdictFor(m, list[i:i+1], own))
		s.recipient = ""
		if err != nil {
			return err
		}
	}
	return nil
}

// verdictFor notes what is decided for some recipients, before the reply can leave.
func (s *session) verdictFor(m *Message, list []Recipient, own string) *answer {
	return &answer{
		own: own, receive: s.hand,
		decided: func(text string) {
			s.server.record.update(func() {
				m.Reply = strings.TrimSpace(text)
				m.Stored = m.Stored || positive(text)
				for i := range list {
					list[i].Reply, list[i].Stored = m.Reply, positive(text)
				}
			})
		},
		written: func(ok bool) {
			s.server.record.update(func() {
				for i := range list {
					list[i].ReplyWritten = ok
				}
				m.ReplyWritten = ok
				for _, r := range m.Recipients {
					m.ReplyWritten = m.ReplyWritten && r.ReplyWritten
				}
			})
		},
	}
}

package sink

import (
	"bytes"
	"crypto/tls"
	"net"
	"strconv"
	"strings"
)

// bufferSize is how much a session reads at once. A line that does not fit ends the session.
const bufferSize = 64 << 10

var (
	crlf      = []byte("\r\n")
	endOfData = []byte("\r\n.\r\n")
)

// session is one connection. What is open decides who consumes the input: the content of DATA, a chunk,
// or commands.
type session struct {
	server *Server
	conn   net.Conn
	input  []byte // read and not consumed
	output []byte // replies to be sent

	mail, recipient bool // accepted in this transaction
	data            bool // the content of DATA is being read
	chunk           int  // octets of the chunk that are still to come
	last            bool // the chunk ends the message
	quit            bool
	upgrade         bool // STARTTLS was said
	secure          bool // and done
}

func (s *session) serve() {
	buffer := make([]byte, bufferSize)
	s.reply("220 sink.test ESMTP\r\n")
	for {
		s.consume()
		if len(s.output) > 0 {
			if s.waits() {
				s.server.flights.Add(1)
			}
			if _, err := s.conn.Write(s.output); err != nil {
				return
			}
			s.output = s.output[:0]
		}
		if s.upgrade {
			s.conn = tls.Server(s.conn, s.server.config.StartTLS)
			s.upgrade, s.secure, s.input = false, true, nil
		}
		kept := copy(buffer, s.input)
		if s.quit || kept == len(buffer) {
			return
		}
		n, err := s.conn.Read(buffer[kept:])
		s.server.octets.Add(int64(n))
		if err != nil {
			return
		}
		s.input = buffer[:kept+n]
	}
}

// waits reports whether nothing half-received is left, so that it is the client's turn.
func (s *session) waits() bool {
	if s.data {
		return bytes.Equal(s.input, crlf) // the end of the DATA line alone
	}
	return len(s.input) == 0 && s.chunk == 0
}

func (s *session) reply(text string) {
	if s.server.config.Apart {
		_, _ = s.conn.Write([]byte(text)) // what is wrong with the connection shows at the next read
		return
	}
	s.output = append(s.output, text...)
}

// consume takes all that is complete off the input.
func (s *session) consume() {
	for !s.quit {
		switch {
		case s.data:
			end := bytes.Index(s.input, endOfData)
			if end < 0 { // what cannot be a part of the end is dropped
				s.input = s.input[max(0, len(s.input)-len(endOfData)+1):]
				return
			}
			s.input, s.data = s.input[end+len(endOfData):], false
			s.stored()
		case s.chunk > 0:
			n := min(s.chunk, len(s.input))
			s.input, s.chunk = s.input[n:], s.chunk-n
			if s.chunk > 0 {
				return
			}
			s.chunkEnded()
		default:
			end := bytes.Index(s.input, crlf)
			if end < 0 {
				return
			}
			s.command(s.input[:end])
			if s.data {
				s.input = s.input[end:] // a lone dot may follow at once, and needs the CRLF
				continue
			}
			s.input = s.input[end+len(crlf):]
		}
	}
}

func (s *session) stored() {
	s.server.messages.Add(1)
	s.mail, s.recipient = false, false
	s.answer(true)
}

func (s *session) command(line []byte) {
	verb, argument, _ := bytes.Cut(line, []byte(" "))
	switch strings.ToUpper(string(verb)) {
	case "MAIL":
		s.answer(!s.mail)
		s.mail = true
	case "RCPT":
		s.answer(s.mail)
		s.recipient = s.mail
	case "DATA":
		if s.data = s.recipient; s.data {
			s.reply("354 go ahead\r\n")
			return
		}
		s.answer(false)
	case "BDAT":
		s.bdat(string(argument))
	case "RSET":
		s.mail, s.recipient = false, false
		s.answer(true)
	case "NOOP":
		s.answer(true)
	case "HELO":
		s.reply("250 sink.test\r\n")
	case "EHLO":
		s.reply("250-sink.test\r\n")
		for _, keyword := range s.server.config.Extensions {
			s.reply("250-" + keyword + "\r\n")
		}
		if s.server.config.StartTLS != nil && !s.secure {
			s.reply("250-STARTTLS\r\n")
		}
		if s.secure || s.server.config.TLS != nil {
			s.reply("250-AUTH PLAIN\r\n")
		}
		s.reply("250 ENHANCEDSTATUSCODES\r\n")
	case "STARTTLS":
		s.upgrade = s.server.config.StartTLS != nil && !s.secure
		if !s.upgrade {
			s.answer(false)
			return
		}
		s.reply("220 2.0.0 go ahead\r\n")
	case "AUTH":
		s.reply("235 2.7.0 welcome\r\n") // any user and password
	case "QUIT":
		s.reply("221 2.0.0 bye\r\n")
		s.quit = true
	default:
		s.reply("502 5.5.1 not implemented\r\n")
	}
}

// answer says yes, or that the command does not fit here.
func (s *session) answer(ok bool) {
	if ok {
		s.reply("250 2.0.0 ok\r\n")
		return
	}
	s.reply("503 5.5.1 out of order\r\n")
}

// bdat opens a chunk. It is swallowed even if it is then refused, as RFC 3030 section 2 wants it.
func (s *session) bdat(argument string) {
	size, mark, _ := strings.Cut(argument, " ")
	n, err := strconv.Atoi(size)
	if err != nil || n < 0 {
		s.reply("501 5.5.4 size\r\n")
		s.quit = true // the end of the chunk is unknown
		return
	}
	s.chunk, s.last = n, strings.EqualFold(mark, "LAST")
	if n == 0 {
		s.chunkEnded()
	}
}

func (s *session) chunkEnded() {
	if s.last && s.recipient {
		s.stored()
		return
	}
	s.answer(s.recipient)
}

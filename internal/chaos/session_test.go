package chaos_test

import (
	"bufio"
	"io"
	"net"
	"strconv"
	"strings"
)

// session is a connection to the server.
type session struct {
	server *server
	nc     *net.TCPConn
	lmtp   bool
	in     *bufio.Reader
	out    *bufio.Writer
	odd    bool // it has said what only a reset may follow, else an assumption of docs/outcomes.md is broken
	mail   bool
	to     []string
	chunks []byte
	failed bool
}

// mark is in each odd reply, so that the proxy knows of it.
const mark = "odd"

// over is panicked with to end a session.
type over struct{}

func (s *session) serve() {
	s.in, s.out = bufio.NewReader(s.nc), bufio.NewWriter(s.nc)
	defer func() {
		if r := recover(); r != nil && r != any(over{}) {
			panic(r)
		}
		_ = s.nc.Close() // it may be closed already
	}()
	s.say("220 chaos")
	for {
		s.command(s.line())
	}
}

// hang ends the session: by a reset where it has been odd, in order else.
func (s *session) hang() {
	_ = s.out.Flush() // the client may have gone
	if s.odd || s.server.rarely(2) {
		_ = s.nc.SetLinger(0) // the client may have gone
	}
	panic(over{})
}

func (s *session) say(reply string) {
	if _, err := s.out.WriteString(reply + "\r\n"); err != nil {
		panic(over{})
	}
}

func (s *session) line() string {
	if s.in.Buffered() == 0 {
		if s.out.Flush() != nil {
			panic(over{})
		}
	}
	line, err := s.in.ReadString('\n')
	if err != nil {
		panic(over{})
	}
	return strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r")
}

func (s *session) command(line string) {
	verb, rest, _ := strings.Cut(line, " ")
	switch verb {
	case "EHLO", "LHLO":
		s.say("250-chaos\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 CHUNKING")
	case "MAIL":
		s.from()
	case "RCPT":
		_, rest, _ = strings.Cut(rest, "<")
		rest, _, _ = strings.Cut(rest, ">")
		s.recipient(rest)
	case "DATA":
		s.data()
	case "BDAT":
		s.bdat(rest)
	case "RSET":
		s.clear()
		if s.server.rarely(400) {
			s.odd = true
			s.say("500 5.5.1 " + mark)
			return
		}
		s.say("250 ok")
	case "QUIT":
		s.say("221 bye")
		s.hang()
	default:
		s.say("500 5.5.1 what?")
	}
}

func (s *session) clear() { s.mail, s.to, s.chunks, s.failed = false, nil, nil, false }

func (s *session) from() {
	switch {
	case s.mail:
		s.say("503 5.5.1 nested")
	case s.server.rarely(300):
		s.say("421 4.3.2 no more")
		s.hang()
	case s.server.rarely(100):
		s.say(s.server.among("451 4.3.0 later", "550 5.7.1 never"))
	default:
		s.clear()
		s.mail = true
		s.say("250 ok")
	}
}

func (s *session) recipient(to string) {
	switch {
	case !s.mail:
		s.say("503 5.5.1 MAIL first")
	case s.server.rarely(300):
		s.odd = true
		s.say("421 4.7.0 " + mark)
	case s.server.rarely(40):
		s.say(s.server.among("450 4.2.0 later", "550 5.1.1 never"))
	default:
		s.to = append(s.to, to)
		s.say("250 ok")
	}
}

func (s *session) data() {
	switch {
	case len(s.to) == 0:
		s.say("503 5.5.1 RCPT first")
		return
	case s.server.rarely(100):
		s.say("451 4.3.0 later")
		s.clear()
		return
	}
	s.say("354 go")
	var data []byte
	for {
		line := s.line()
		if line == "." {
			break
		}
		data = append(append(data, strings.TrimPrefix(line, ".")...), "\r\n"...)
	}
	s.verdict(data)
}

func (s *session) bdat(args string) {
	digits, last := strings.CutSuffix(args, " LAST")
	size, err := strconv.Atoi(digits)
	if err != nil {
		s.say("501 5.5.4 what?")
		return
	}
	data := make([]byte, size)
	if _, err := io.ReadFull(s.in, data); err != nil {
		panic(over{})
	}
	s.chunks = append(s.chunks, data...)
	switch {
	case len(s.to) == 0 || s.failed:
		s.failed = true
		s.say("503 5.5.1 RCPT first")
	case !last && s.server.rarely(50):
		s.failed = true
		s.say("452 4.3.1 later")
	case !last:
		s.say("250 ok")
	default:
		s.verdict(s.chunks)
	}
	if last {
		s.clear()
	}
}

func (s *session) verdict(data []byte) {
	defer s.clear()
	if s.lmtp {
		for _, to := range s.to {
			s.final([]string{to}, data)
		}
		return
	}
	s.final(s.to, data)
}

// final decides about the content, for all recipients or, in LMTP, for one.
func (s *session) final(to []string, data []byte) {
	if s.server.rarely(80) {
		s.say(s.server.among("451 4.3.0 later", "554 5.6.0 never", "421 4.3.2 "+mark))
		return
	}
	for _, rcpt := range to {
		s.server.store(rcpt, data)
	}
	if s.server.rarely(150) {
		s.hang() // without a word
	}
	s.say("250 2.0.0 queued")
}

package client_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
)

// oracle is a mail server that remembers what it took. It shares no code with the client.
type oracle struct {
	keywords []string
	lmtp     bool
	refuse   func(line string) string // a reply other than the usual one to a command, or ""

	mu      sync.Mutex
	taken   []taken
	arrived map[string]bool // contents that came to their end, taken or not
}

// taken is one delivery: a message to one recipient.
type taken struct{ from, to, data string }

// session is the state of one connection.
type session struct {
	o    *oracle
	r    *bufio.Reader
	w    *bufio.Writer
	from string
	mail bool
	to   []string
	// chunks is what has come by BDAT so far.
	chunks string
}

func (o *oracle) serve(nc net.Conn) {
	defer nc.Close()
	s := &session{o: o, r: bufio.NewReader(nc), w: bufio.NewWriter(nc)}
	s.say("220 oracle")
	s.serve()
}

func (s *session) serve() {
	for {
		if s.r.Buffered() == 0 && s.w.Flush() != nil {
			return
		}
		line, err := s.r.ReadString('\n')
		if err != nil || !s.command(strings.TrimSuffix(line, "\r\n")) {
			_ = s.w.Flush()
			return
		}
	}
}

func (s *session) say(format string, args ...any) { fmt.Fprintf(s.w, format+"\r\n", args...) }

func (s *session) reset() { s.from, s.mail, s.to = "", false, nil }

func (s *session) command(line string) (goOn bool) {
	if s.o.refuse != nil {
		if reply := s.o.refuse(line); reply != "" {
			s.say("%s", reply)
			if strings.HasPrefix(line, "BDAT") {
				s.chunk(line)
			}
			return !strings.HasPrefix(reply, "421")
		}
	}
	verb, rest, _ := strings.Cut(line, " ")
	switch verb {
	case "EHLO", "LHLO":
		s.say("%s", strings.Join(append([]string{"250-oracle"}, s.o.keywords...), "\r\n250-")+"\r\n250 HELP")
	case "MAIL":
		if s.mail {
			s.say("503 nested MAIL")
			break
		}
		s.from, s.mail = between(rest), true
		s.say("250 sender ok")
	case "RCPT":
		switch {
		case !s.mail:
			s.say("503 MAIL first")
		case strings.HasPrefix(between(rest), "bad"):
			s.say("550 5.1.1 no such user")
		default:
			s.to = append(s.to, between(rest))
			s.say("250 recipient ok")
		}
	case "DATA":
		return s.data()
	case "BDAT":
		return s.bdat(rest)
	case "RSET":
		s.reset()
		s.say("250 reset")
	case "NOOP":
		s.say("250 noop")
	case "QUIT":
		s.say("221 bye")
		return false
	default:
		s.say("500 unknown: %s", line)
	}
	return true
}

func between(s string) string {
	_, s, _ = strings.Cut(s, "<")
	s, _, _ = strings.Cut(s, ">")
	return s
}

func (s *session) data() bool {
	if len(s.to) == 0 {
		s.say("503 RCPT first")
		return true
	}
	s.say("354 go")
	if s.w.Flush() != nil {
		return false
	}
	var data strings.Builder
	for {
		line, err := s.r.ReadString('\n')
		switch {
		case err != nil:
			return false
		case line == ".\r\n":
			s.take(data.String())
			return true
		}
		data.WriteString(strings.TrimPrefix(line, "."))
	}
}

// chunk reads the octets of a BDAT.
func (s *session) chunk(args string) (string, error) {
	args = strings.TrimPrefix(args, "BDAT ")
	n, err := strconv.Atoi(strings.TrimSuffix(args, " LAST"))
	if err != nil {
		return "", err
	}
	data := make([]byte, n)
	if s.r.Buffered() < n { // it will block
		_ = s.w.Flush() // the read tells
	}
	_, err = io.ReadFull(s.r, data)
	return string(data), err
}

func (s *session) bdat(args string) bool {
	data, err := s.chunk(args)
	last := strings.HasSuffix(args, " LAST")
	s.chunks += data
	switch {
	case err != nil:
		return false
	case !last:
		s.say("250 chunk")
		return true
	case len(s.to) == 0:
		s.arrived(s.chunks)
		s.say("503 RCPT first")
	default:
		s.take(s.chunks)
	}
	s.chunks = ""
	return true
}

func (s *session) take(data string) {
	s.arrived(data)
	s.o.mu.Lock()
	defer s.o.mu.Unlock()
	for _, to := range s.to {
		if strings.HasPrefix(to, "full") {
			if s.o.lmtp {
				s.say("552 5.2.2 full")
			}
			continue
		}
		s.o.taken = append(s.o.taken, taken{s.from, to, data})
		if s.o.lmtp {
			s.say("250 2.0.0 queued")
		}
	}
	if !s.o.lmtp {
		s.say("250 2.0.0 queued")
	}
	s.reset()
}

func (s *session) arrived(data string) {
	s.o.mu.Lock()
	defer s.o.mu.Unlock()
	if s.o.arrived == nil {
		s.o.arrived = map[string]bool{}
	}
	s.o.arrived[data] = true
}

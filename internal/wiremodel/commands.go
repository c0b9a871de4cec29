package wiremodel

import (
	"bytes"
	"strconv"
	"strings"
)

func (s *session) command(line string) {
	verb, rest, _ := strings.Cut(line, " ")
	switch verb {
	case "EHLO", "LHLO":
		s.hello()
	case "RSET":
		if code := s.step(Reset, "", 250); code == 250 || code == 0 {
			s.clear()
		}
	case "MAIL":
		s.from(between(rest))
	case "RCPT":
		s.recipient(between(rest))
	case "DATA":
		s.data()
	case "BDAT":
		s.bdat(rest)
	case "NOOP":
		s.reply(250)
	case "QUIT":
		s.reply(221)
		s.hang(AfterEnd)
	default:
		s.reply(500)
	}
	s.finish()
}

func (s *session) hello() {
	if s.silent != Normal {
		return
	}
	s.out = append(s.out, "250-oracle\r\n"...)
	for _, keyword := range s.o.Offer {
		s.out = append(append(append(s.out, "250-"...), keyword...), "\r\n"...)
	}
	s.out = append(s.out, "250 HELP\r\n"...)
}

func between(s string) string {
	_, s, _ = strings.Cut(s, "<")
	s, _, _ = strings.Cut(s, ">")
	return s
}

// clear ends a transaction.
func (s *session) clear() {
	s.mail, s.tag, s.named, s.to, s.chunks, s.failed = false, "", nil, nil, nil, false
}

func (s *session) from(address string) {
	normal := 503
	s.seen++
	if !s.mail {
		s.clear()
		normal = 250
	}
	s.tag, _, _ = strings.Cut(address, "@")
	if code := s.step(Mail, "", normal); code == 250 || code == 0 && normal == 250 {
		s.mail = true
	}
}

func (s *session) recipient(address string) {
	normal := 503
	if s.mail {
		normal = 250
	}
	s.named = append(s.named, address)
	if code := s.step(Rcpt, address, normal); code == 250 || code == 0 && normal == 250 {
		s.to = append(s.to, address)
	}
}

func (s *session) data() {
	normal := 503
	if len(s.to) > 0 {
		normal = 354
	}
	code := s.step(Data, "", normal)
	if code != 354 && (code != 0 || normal != 354) {
		return
	}
	s.finish()
	var data []byte
	for line := ""; line != "."; {
		line = s.line()
		if line != "." {
			data = append(append(data, strings.TrimPrefix(line, ".")...), "\r\n"...)
		}
	}
	s.verdict(data, 554)
}

func (s *session) bdat(args string) {
	digits, last := strings.CutSuffix(args, " LAST")
	size, err := strconv.Atoi(digits)
	if err != nil {
		s.reply(501)
		return
	}
	data := bytes.Clone(s.octets(size))
	normal := 503
	if len(s.to) > 0 && !s.failed {
		normal = 250
	}
	switch {
	case !s.mail && len(s.named) == 0: // a probe
		if s.step(Probe, "", 503); s.closing == Run {
			s.in = append(data, s.in...)
		}
	case !last:
		if code := s.step(Chunk, "", normal); code == 250 || code == 0 {
			s.chunks = append(s.chunks, data...)
		} else {
			s.failed = true
		}
	case s.failed:
		s.reply(503)
		s.clear()
	default:
		s.verdict(append(s.chunks, data...), 503)
	}
}

package smtptest

import (
	"strings"
)

// hello answers EHLO, HELO and LHLO. What was offered is read from the reply that really went out.
func (s *session) hello(verb string) error {
	lmtp := s.config.Protocol == LMTP
	own := reply(250, append([]string{s.config.Hostname}, s.config.hello(s.phase)...)...)
	switch {
	case lmtp != (verb == Lhlo):
		own = reply(500, "5.5.1 this is another protocol")
	case s.argument == "" || strings.ContainsAny(s.argument, " \t"):
		own = reply(501, "5.5.4 who are you?")
	case verb == Helo:
		own = reply(250, s.config.Hostname)
	}
	text, err := s.respond(verb, own)
	if positive(text) {
		s.greeted = true
		s.offered = offers(text)
		s.end()
		s.server.record.update(func() { s.info.Hello = s.argument })
	}
	return err
}

// offers reads the keywords from a reply to EHLO.
func offers(text string) map[string]string {
	list := map[string]string{}
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimRight(line, "\r")
		if i == 0 || len(line) < 5 {
			continue
		}
		keyword, arguments, _ := strings.Cut(strings.TrimSpace(line[4:]), " ")
		keyword = strings.ToUpper(keyword)
		list[keyword] = strings.TrimSpace(list[keyword] + " " + arguments)
	}
	return list
}

func (s *session) startTLS() error {
	_, offered := s.offered["STARTTLS"]
	own := reply(220, "2.0.0 go ahead")
	switch {
	case s.phase.tls:
		own = reply(503, "5.5.1 TLS is on already")
	case !offered:
		own = reply(502, "5.5.1 not offered")
	case s.argument != "":
		own = reply(501, "5.5.4 no arguments")
	}
	text, err := s.respond(StartTLS, own)
	if err != nil || code(text) != 220 {
		return err
	}
	return s.handshake()
}

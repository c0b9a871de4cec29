package smtptest

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"time"
)

// maxLine bounds a command line with its end: the 12288 octets that RFC 4954 section 4 wants for AUTH.
const maxLine = 12288

// session is one connection; everything but info belongs to its goroutine.
type session struct {
	server *Server
	config *Config
	link   *link
	info   *Session // guarded by the lock of the recorder

	ordinals     map[string]int
	command      string // the line at hand
	argument     string
	phase        phase
	offered      map[string]string // by the last EHLO: upper-case keyword to its arguments
	greeted      bool
	refused      bool // the greeting was no 2yz
	transactions int
	unread       int // octets of chunks that the server refused without reading them
	ahead        int // octets that came before the reply to the content before them; see Config.RefuseAhead
	errors       int // refused commands since the last stored message; see ErrorBudget
	junk         int // commands without use since then

	open       bool // a MAIL was accepted
	from       Path
	recipients []Recipient
	accepted   []string // their addresses
	recipient  string   // at hand
	message    *Message
	content    *content // while content is read
	broken     bool     // a chunk failed, only RSET helps (RFC 3030 section 2)
	unanswered bool     // an RCPT was not answered yet
}

func newSession(server *Server, conn net.Conn) *session {
	s := &session{
		server: server, config: &server.Config, link: newLink(conn, server.Config.Linger, server.Config.IdleTimeout),
		info: &Session{Open: true}, ordinals: map[string]int{},
	}
	server.record.update(func() {
		server.record.accepted++
		s.info.ID = server.record.accepted
		if !server.Config.Forget {
			server.record.sessions = append(server.record.sessions, s.info)
		}
	})
	s.link.pace = s.pause
	s.link.heard = func(octets []byte) {
		server.record.say(s.info, Exchange{Client: true, TLS: s.phase.tls, Octets: octets})
	}
	s.link.said = func(octets []byte) {
		server.record.say(s.info, Exchange{TLS: s.phase.tls, Octets: octets})
	}
	s.link.flushed = func() {
		if s.command != "" {
			server.record.update(func() { s.info.RoundTrips++ })
		}
	}
	return s
}

// run serves the connection until its end.
func (s *session) run() {
	err := s.begin()
	if err == nil && s.server.dialogue != nil {
		err = s.play(s.server.dialogue)
	}
	for err == nil {
		err = s.next()
	}
	if !errors.Is(err, errEnd) {
		// The client went, or half of it: what was said may still reach it.
		_ = s.link.flush()
	}
	s.server.record.update(func() { s.info.Open = false })
}

func (s *session) begin() error {
	if r := s.config.Dialect.Connections; (r.At == Greeting || r.At == Connect) && s.server.crowded(s.info.ID) {
		return s.refuse(r)
	}
	if _, err := s.respond(Connect, ""); err != nil {
		return err
	}
	if s.config.Security == ImplicitTLS {
		if err := s.handshake(); err != nil {
			return err
		}
	}
	if s.server.dialogue != nil {
		return nil
	}
	name := " ESMTP smtptest"
	if s.config.Protocol == LMTP {
		name = " LMTP smtptest"
	}
	text, err := s.respond(Greeting, reply(220, s.config.Hostname+name))
	s.refused = !positive(text)
	return err
}

// next reads one command and answers it.
func (s *session) next() error {
	if err := s.exhausted(); err != nil {
		return err
	}
	raw, err := s.link.line(maxLine)
	if errors.Is(err, os.ErrDeadlineExceeded) && s.config.Dialect.Idle.Reply != "" {
		return s.refuse(s.config.Dialect.Idle)
	}
	if err != nil {
		return err
	}
	line := strings.TrimRight(string(raw), "\r\n")
	smuggled, ahead := s.unread > 0, s.ahead > 0
	s.unread, s.ahead = max(s.unread-len(raw), 0), max(s.ahead-len(raw), 0)
	s.server.record.update(func() {
		if s.config.Forget {
			return
		}
		s.info.Commands = append(s.info.Commands, line)
		if smuggled {
			s.info.Smuggled = append(s.info.Smuggled, line)
		}
	})
	var verb string
	s.command = line
	verb, s.argument = cutVerb(line)
	if !bytes.HasSuffix(raw, []byte("\r\n")) {
		s.violate(LineRule, "command line without CRLF, or longer than %d octets: %.40q", maxLine, line)
	}
	if strings.ContainsAny(line, "\r\x00") {
		s.violate(OctetRule, "CR or NUL in a command line: %.40q", line)
	}
	s.useless(verb)
	if ahead {
		return s.plain(verb, reply(503, "5.5.1 command before the reply to the content"))
	}
	return s.dispatch(verb)
}

// cutVerb splits a command line into its upper-case verb and the rest.
func cutVerb(line string) (verb, rest string) {
	verb, rest, _ = strings.Cut(line, " ")
	return strings.ToUpper(verb), rest
}

// synchronous are the verbs that end a group, RFC 2920 section 3.1 and the RFCs of the extensions.
var synchronous = map[string]bool{
	Ehlo: true, Helo: true, Lhlo: true, StartTLS: true, Auth: true, Data: true, Noop: true, Quit: true,
	"VRFY": true, "EXPN": true, "HELP": true,
}

func (s *session) dispatch(verb string) error {
	_, pipelining := s.offered["PIPELINING"]
	if len(s.link.in) > 0 && verb != Bdat && (synchronous[verb] || !pipelining) {
		s.violate(PipeliningRule, "%d octets after %s", len(s.link.in), verb)
	}
	if s.refused && verb != Quit {
		return s.plain(verb, reply(503, "5.5.1 only QUIT is left"))
	}
	switch verb {
	case Ehlo, Helo, Lhlo:
		return s.hello(verb)
	case StartTLS:
		return s.startTLS()
	case Auth:
		return s.auth()
	case Mail:
		return s.mail()
	case Rcpt:
		return s.rcpt()
	case Data:
		return s.data()
	case Bdat:
		return s.bdat()
	case Rset:
		return s.rset()
	case Noop:
		return s.plain(verb, reply(250, "2.0.0 nothing done"))
	case "VRFY":
		return s.plain(verb, reply(252, "2.5.2 send some mail"))
	case "EXPN":
		return s.plain(verb, reply(502, "5.5.1 no lists here"))
	case "HELP":
		return s.plain(verb, reply(214, "2.0.0 RFC 5321"))
	case Quit:
		return s.quit()
	default:
		return s.plain(verb, reply(500, "5.5.1 unknown command"))
	}
}

// plain answers a command that has no effect.
func (s *session) plain(verb, own string) error {
	_, err := s.respond(verb, own)
	return err
}

func (s *session) quit() error {
	text, err := s.respond(Quit, reply(221, "2.0.0 bye"))
	if err == nil && positive(text) {
		err = s.hangUp(true)
	}
	return err
}

// handshake comes to TLS and forgets what was known before, RFC 3207 section 4.2.
func (s *session) handshake() error {
	if _, err := s.respond(Handshake, ""); err != nil {
		return err
	}
	if err := s.link.send(); err != nil {
		return err
	}
	// What came in one piece with STARTTLS must not reach the handshake nor survive it.
	s.link.in = nil
	conn := tls.Server(s.link.raw, s.server.tls)
	if err := conn.Handshake(); err != nil {
		return err
	}
	s.link.conn = conn
	s.phase = phase{tls: true}
	s.greeted, s.offered = false, nil
	s.end()
	s.server.record.update(func() { s.info.TLS = true })
	_, err := s.respond(Secured, "")
	return err
}

// hangUp closes the connection without a reset that would take the last replies with it: it first
// ends its own direction and takes what has come.
func (s *session) hangUp(notify bool) error {
	s.server.free(s.link.raw) // before the client can know, so that it finds room when it comes again
	if err := s.link.send(); err != nil {
		return err
	}
	if conn, ok := s.link.conn.(*tls.Conn); ok && notify {
		_ = conn.CloseWrite()
	}
	if err := s.closeWrite(); err != nil {
		return err
	}
	if err := s.link.raw.SetReadDeadline(time.Now().Add(10 * time.Millisecond)); err == nil {
		_, _ = io.Copy(io.Discard, s.link.raw)
	}
	_ = s.link.raw.Close()
	return errEnd
}

// closeWrite sends what was said, then the end of the stream.
func (s *session) closeWrite() error {
	if err := s.link.flush(); err != nil {
		return err
	}
	if conn, ok := s.link.raw.(interface{ CloseWrite() error }); ok {
		return conn.CloseWrite()
	}
	return errEnd
}

// reset ends the connection by a RST.
func (s *session) reset() error {
	if err := s.link.flush(); err != nil {
		return err
	}
	switch conn := s.link.raw.(type) {
	case *net.TCPConn:
		_ = conn.SetLinger(0)
	case interface{ Reset() error }: // in memory
		_ = conn.Reset()
	}
	_ = s.link.raw.Close()
	return errEnd
}

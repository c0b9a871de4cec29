package smtptest

import (
	"strconv"
	"strings"
)

// end forgets the transaction.
func (s *session) end() {
	s.open, s.broken = false, false
	s.from, s.recipients, s.accepted, s.message = Path{}, nil, nil, nil
}

func (s *session) mail() error {
	path, err := s.readPath("FROM:")
	own := reply(250, "2.1.0 sender ok")
	size, sizeErr := int64(0), error(nil)
	if text, ok := path.Params["SIZE"]; ok {
		size, sizeErr = strconv.ParseInt(text, 10, 64)
	}
	_, utf8 := path.Params["SMTPUTF8"]
	switch {
	case !s.greeted:
		own = reply(503, "5.5.1 say hello first")
	case s.config.RequireTLS && !s.phase.tls:
		own = reply(530, "5.7.0 must issue a STARTTLS command first")
	case s.config.RequireAuth && !s.phase.authenticated:
		own = reply(530, "5.7.0 authentication required")
	case s.open || s.broken:
		// Exim and Dovecot keep a failed transaction until RSET, and so do we.
		own = reply(503, "5.5.1 nested MAIL command")
	case err != nil || sizeErr != nil:
		own = reply(501, "5.5.4 syntax: MAIL FROM:<address> [parameters]")
	case s.unoffered(Mail, path) != "":
		own = reply(555, "5.5.4 "+s.unoffered(Mail, path)+" was not offered")
	case s.config.MaxSize > 0 && size > s.config.MaxSize:
		own = reply(552, "5.3.4 message too big")
	case !ascii(path.Address) && !utf8:
		own = reply(553, "5.6.7 SMTPUTF8 required")
	}
	s.recipient = ""
	text, err := s.respond(Mail, own)
	if positive(text) {
		s.end()
		s.open, s.from = true, path
		s.transactions++
	}
	return err
}

func (s *session) rcpt() error {
	path, err := s.readPath("TO:")
	_, utf8 := s.from.Params["SMTPUTF8"]
	own := reply(250, "2.1.5 recipient ok")
	switch {
	case !s.open || s.message != nil:
		own = reply(503, "5.5.1 no place for RCPT")
	case err != nil || path.Address == "":
		own = reply(501, "5.5.4 syntax: RCPT TO:<address> [parameters]")
	case s.unoffered(Rcpt, path) != "":
		own = reply(555, "5.5.4 "+s.unoffered(Rcpt, path)+" was not offered")
	case s.config.MaxRecipients > 0 && len(s.recipients) >= s.config.MaxRecipients:
		own = reply(452, "4.5.3 too many recipients")
	case !ascii(path.Address) && !utf8:
		own = reply(553, "5.6.7 SMTPUTF8 required")
	}
	s.unanswered = true
	s.recipient = path.Address
	text, err := s.respondTo(Rcpt, &answer{own: own, written: func(bool) { s.unanswered = false }})
	s.recipient = ""
	if s.open && s.message == nil && positive(text) {
		s.recipients, s.accepted = append(s.recipients, Recipient{Path: path}), append(s.accepted, path.Address)
	}
	return err
}

func (s *session) rset() error {
	text, err := s.respond(Rset, reply(250, "2.0.0 forgotten"))
	if positive(text) {
		s.end()
	}
	return err
}

// readPath reads the argument of MAIL or RCPT after its preposition.
func (s *session) readPath(preposition string) (Path, error) {
	n := len(preposition)
	if len(s.argument) < n || !strings.EqualFold(s.argument[:n], preposition) {
		return Path{}, errPath
	}
	return readPath(s.argument[n:])
}

func ascii(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r >= 0x80 })
}

package smtptest

import (
	"crypto/tls"
	"encoding/base64"
	"errors"
	"strings"
)

// Mechanism is the server's side of a SASL mechanism, as a plain function over an exchange. It returns
// the user that is known from then on, or an error: a [*ReplyError] is answered by its reply, any other
// by 535. A server that lies is a mechanism that does.
type Mechanism func(x *SASL) (user string, err error)

// SASL is one exchange of AUTH. Only its mechanism uses it.
type SASL struct {
	session *session
	initial string // in base64, "" for none
	has     bool
	failed  error // the connection, whatever the mechanism makes of it
}

// ReplyError is a reply that ends an exchange.
type ReplyError struct{ Reply string }

// Error returns the reply.
func (e *ReplyError) Error() string { return e.Reply }

// ErrCancelled is what a client makes of an exchange by "*".
var ErrCancelled error = &ReplyError{Reply: "501 5.7.0 authentication cancelled"}

var (
	errBase64      error = &ReplyError{Reply: "501 5.5.2 cannot decode base64"}
	errCredentials       = errors.New("smtptest: wrong user or password")
)

// Initial returns the initial response and whether there was one.
func (x *SASL) Initial() (response []byte, ok bool, err error) {
	if !x.has {
		return nil, false, nil
	}
	if x.initial == "=" { // an empty one, RFC 4954 section 4
		return nil, true, nil
	}
	response, err = base64.StdEncoding.DecodeString(x.initial)
	if err != nil {
		return nil, true, errBase64
	}
	return response, true, nil
}

// First returns the initial response, or asks for it by an empty challenge.
func (x *SASL) First() ([]byte, error) {
	response, ok, err := x.Initial()
	if err != nil || ok {
		return response, err
	}
	return x.Challenge(nil)
}

// Challenge sends a challenge and returns the response; [ErrCancelled] if the client gives up.
func (x *SASL) Challenge(challenge []byte) ([]byte, error) {
	line, err := x.Say("334 " + base64.StdEncoding.EncodeToString(challenge))
	if err != nil {
		return nil, err
	}
	if line == "*" {
		return nil, ErrCancelled
	}
	response, err := base64.StdEncoding.DecodeString(line)
	if err != nil {
		return nil, errBase64
	}
	return response, nil
}

// Say sends any reply and returns the line that the client answers.
func (x *SASL) Say(text string) (string, error) {
	s := x.session
	if _, x.failed = s.respond(Challenge, text+"\r\n"); x.failed != nil {
		return "", x.failed
	}
	var raw []byte
	raw, x.failed = s.link.line(maxLine)
	return strings.TrimRight(string(raw), "\r\n"), x.failed
}

// Password returns the password of a user by the configuration.
func (x *SASL) Password(user string) (string, bool) {
	password, ok := x.session.config.Users[user]
	return password, ok
}

// TLS returns the state of TLS, nil without: a mechanism with channel binding needs it.
func (x *SASL) TLS() *tls.ConnectionState {
	conn, ok := x.session.link.conn.(*tls.Conn)
	if !ok {
		return nil
	}
	state := conn.ConnectionState()
	return &state
}

func (s *session) auth() error {
	name, initial, has := strings.Cut(s.argument, " ")
	name = strings.ToUpper(name)
	mechanism, known := s.config.Mechanisms[name]
	_, offered := s.offered["AUTH"]
	var refusal string
	switch {
	case !offered:
		refusal = reply(503, "5.5.1 AUTH was not offered")
	case s.phase.authenticated || s.open:
		refusal = reply(503, "5.5.1 no place for AUTH")
	case !known:
		refusal = reply(504, "5.5.4 unknown mechanism")
	}
	if refusal != "" {
		return s.plain(Auth, refusal)
	}
	x := &SASL{session: s, initial: initial, has: has}
	user, err := mechanism(x)
	if x.failed != nil {
		return x.failed
	}
	own := reply(235, "2.7.0 welcome")
	if err != nil {
		own = reply(535, "5.7.8 authentication credentials invalid")
		if refused, ok := errors.AsType[*ReplyError](err); ok {
			own = refused.Reply + "\r\n"
		}
	}
	text, err := s.respond(Auth, own)
	if positive(text) {
		s.phase.authenticated = true
		s.server.record.update(func() { s.info.User = user })
	}
	return err
}

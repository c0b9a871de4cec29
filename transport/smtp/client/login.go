package client

import (
	"context"
	"encoding/base64"
	"errors"
	"net"
	"strconv"
	"strings"

	"github.com/depeche-mail/depeche/transport/smtp/authentication"
	"github.com/depeche-mail/depeche/transport/smtp/commands"
	"github.com/depeche-mail/depeche/transport/smtp/response"
)

const (
	// maxChallenges is how many challenges a server may send in one login.
	maxChallenges = 10
	// maxAuthCommand is how long an AUTH command with an initial response may be (RFC 4954 section 4).
	maxAuthCommand = 512
)

// login runs the common mechanisms, from the strongest on. Only a server that wants a stronger or
// another mechanism is shown the next; a rejected password is not tried again in another way.
func (c *Conn) login(ctx context.Context) *Error {
	credentials, err := c.cfg.Credentials.Resolve(ctx)
	if err != nil {
		return c.fault(PhaseAuth, err)
	}
	c.wire.told.Login(credentials)
	mechanisms, err := authentication.Choose(credentials, c.session())
	if err != nil {
		return c.fault(PhaseAuth, err)
	}
	end, err := c.cfg.Logins.Begin(ctx, credentials)
	if err != nil {
		return c.fault(PhaseAuth, err)
	}
	result := errLoginAbandoned
	defer func() { end(result) }() // also when a mechanism panics: other connections wait for the end
	var failed *Error
	secretShown := false
	for _, m := range mechanisms {
		x := exchange{Conn: c, mechanism: m, credentials: credentials}
		if failed = x.run(); failed == nil {
			c.loggedIn = true
			result = nil
			return nil
		}
		secretShown = secretShown || !x.harmless
		why, ok := errors.AsType[*authentication.Error](failed)
		if !ok || why.Kind != authentication.KindTooWeak {
			secretShown = secretShown || ok && why.Kind == authentication.KindRejected
			break
		}
	}
	if why, ok := errors.AsType[*authentication.Error](failed); ok {
		why.SecretFlaw = credentials.SecretFlaw()
	}
	if secretShown && failed.Response.Code != response.ServiceUnavailable { // else it is about the mechanism, or the connection
		result = failed
		credentials.TellRefused(failed)
	}
	return failed
}

var errLoginAbandoned = errors.New("login abandoned")

// session is what the mechanisms may know.
func (c *Conn) session() authentication.Session {
	s := authentication.Session{Offered: c.info.Mechanisms(), TLS: c.state, Insecure: c.cfg.InsecureAuth}
	if host, port, err := net.SplitHostPort(c.cfg.Address); err == nil {
		s.Host = host
		s.Port, _ = strconv.Atoi(port) // a port by name is not known as a number
	}
	return s
}

const mechanismLogin = "LOGIN"

// exchange is one run of a mechanism (RFC 4954 section 4).
type exchange struct {
	*Conn
	mechanism   authentication.Mechanism
	credentials authentication.Credentials
	held        bool // the initial response was too long for the command
	harmless    bool // nothing secret was said yet
}

func (x *exchange) run() *Error {
	name := x.mechanism.Name()
	initial, err := x.mechanism.Start()
	if err != nil {
		return x.fault(PhaseAuth, x.gaveUp(err))
	}
	command := commands.Auth{Mechanism: name, Initial: initial}
	if len("AUTH  \r\n")+len(name)+base64.StdEncoding.EncodedLen(len(initial)) > maxAuthCommand {
		command.Initial, x.held = nil, true
	}
	if err := x.probeBeforeLogin(); err != nil {
		return x.fault(PhaseAuth, err)
	}
	x.harmless = len(command.Initial) == 0 || strings.HasPrefix(name, "SCRAM-") // its first message has no secret (RFC 5802 section 5)
	reply, err := x.say(command, initial)
	for range maxChallenges {
		if err != nil || reply.Code != response.AuthContinue {
			break
		}
		x.harmless = false
		var answer []byte
		if x.held {
			answer, x.held = initial, false
		} else if answer, err = x.next(reply); err != nil {
			return x.cancel(err)
		}
		reply, err = x.say(commands.AuthResponse{Response: answer}, answer)
	}
	if _, unusable := errors.AsType[*commands.ArgumentError](err); unusable {
		err = x.gaveUp(err)
	}
	if err != nil {
		return x.lost(err)
	}
	return x.judge(reply)
}

// lost is the error of an exchange that broke. A server may have said 421 to what went before AUTH.
func (x *exchange) lost(err error) *Error {
	last := x.wire.lock().reply421
	x.wire.unlock()
	if last.IsZero() {
		return x.fault(PhaseAuth, err)
	}
	return x.refusal(PhaseAuth, last, err)
}

// say sends a line with an answer in it, and keeps what it sends out of what the server says.
func (x *exchange) say(command commands.Command, answer []byte) (response.Response, error) {
	x.wire.told.Answer(x.credentials, answer, x.session().Host)
	return x.do(PhaseAuth, command)
}

// next is the mechanism's answer to a challenge.
func (x *exchange) next(challenge response.Response) ([]byte, error) {
	text, err := base64.StdEncoding.DecodeString(challenge.Text())
	if err != nil && x.mechanism.Name() == mechanismLogin {
		// Its prompts are ignored (draft-murchison-sasl-login section 2), and servers send "Username:" in clear or with a blank after it.
		return x.mechanism.Next(nil)
	}
	if err != nil {
		return nil, x.failure(authentication.KindMalformed, errNotBase64)
	}
	return x.mechanism.Next(text)
}

// cancel gives up. The server's answer is part of the error, unless it does not refuse.
func (x *exchange) cancel(why error) *Error {
	reply, err := x.do(PhaseAuth, commands.AuthCancel{})
	switch {
	case err != nil:
		return x.fault(PhaseAuth, err)
	case reply.Code.IsCompleted() || reply.Code == response.AuthContinue:
		return x.fault(PhaseAuth, x.gaveUp(why))
	}
	return x.refusal(PhaseAuth, reply, x.gaveUp(why))
}

// judge takes the reply that ends the exchange.
func (x *exchange) judge(reply response.Response) *Error {
	why, known := x.reported()
	switch {
	case reply.Code == response.AuthContinue:
		return x.fault(PhaseAuth, x.failure(authentication.KindEndless, nil))
	case reply.Code == response.AuthSucceeded && x.mechanism.Done():
		return nil
	case reply.Code == response.AuthSucceeded:
		return x.fault(PhaseAuth, x.premature())
	}
	kind := refusalKind(reply)
	if x.harmless && isUnusable(reply.Code) {
		kind = authentication.KindTooWeak // another mechanism may do
	}
	switch {
	case reply.Code.IsCompleted():
		return x.fault(PhaseAuth, x.failure(authentication.KindEarlySuccess, errNot235))
	case !known || why.Kind == authentication.KindUnproven: // a refusal needs no proof
		why = x.failure(kind, nil)
	case kind == authentication.KindUnavailable:
		why = x.failure(kind, why.Err)
	}
	return x.refusal(PhaseAuth, reply, why)
}

var (
	errNotBase64 = errors.New("it is not base64")
	errNot235    = errors.New("success is 235 and nothing else")
)

func (x *exchange) failure(kind authentication.Kind, err error) *authentication.Error {
	return &authentication.Error{Kind: kind, Mechanism: x.mechanism.Name(), Err: err}
}

// reported returns what the mechanism knows of its failure beside the reply.
func (x *exchange) reported() (why *authentication.Error, known bool) {
	if m, ok := x.mechanism.(authentication.FailureReporter); ok {
		return m.Failure()
	}
	return nil, false
}

// premature is the error of a success that the server claimed before the mechanism was done.
func (x *exchange) premature() error {
	if why, known := x.reported(); known {
		return why
	}
	return x.failure(authentication.KindEarlySuccess, nil)
}

// gaveUp is the error of a mechanism that does not go on.
func (x *exchange) gaveUp(err error) error {
	if known, ok := errors.AsType[*authentication.Error](err); ok {
		return known
	}
	return x.failure(authentication.KindAborted, err)
}

// isUnusable reports whether a server answers AUTH with a mechanism as if it did not know the command. Some
// do so although they offer the mechanism; it means what 504 means.
func isUnusable(code response.Code) bool {
	return unknownCommand(code) || code == response.ArgumentSyntaxError || code == response.BadSequence
}

// refusalKind says what a reply other than 235 and 334 means (RFC 4954 section 6).
func refusalKind(r response.Response) authentication.Kind {
	detail := r.Enhanced
	switch {
	case r.Code.IsTransient():
		return authentication.KindUnavailable
	case r.Code == response.AuthTooWeak, r.Code == response.ParamNotImplemented, detail == enhanced(9):
		return authentication.KindTooWeak
	case r.Code == response.EncryptionRequired, r.Code == response.AuthRequired, detail == enhanced(11):
		return authentication.KindNeedsTLS
	case r.Code == response.AuthInvalid, detail == enhanced(8):
		return authentication.KindRejected
	}
	return authentication.KindRefused
}

// enhanced is a code of RFC 4954 section 6: the classes and subject are the same for all.
func enhanced(detail uint16) response.Enhanced {
	return response.Enhanced{Class: 5, Subject: 7, Detail: detail}
}

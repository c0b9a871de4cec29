package client

import (
	"encoding/base64"
	"errors"
	"strings"

	"github.com/depeche-mail/depeche/transport/smtp/authentication"
	"github.com/depeche-mail/depeche/transport/smtp/commands"
	"github.com/depeche-mail/depeche/transport/smtp/response"
)

// maxChallenges is how many challenges a server may send in one login.
const maxChallenges = 10

// login runs the strongest common mechanism.
func (c *Conn) login() *Error {
	secure := c.state != nil || c.cfg.InsecureAuth
	m, err := authentication.Choose(c.cfg.Credentials, c.info.Mechanisms(), secure)
	if err != nil {
		return c.fault(PhaseAuth, err)
	}
	initial, err := m.Start()
	if err != nil {
		return c.fault(PhaseAuth, err)
	}
	c.hideAnswer(initial)
	defer c.link.setMask(nil)
	reply, err := c.do(PhaseAuth, commands.Auth{Mechanism: m.Name(), Initial: initial})
	for range maxChallenges {
		if err != nil || reply.Code != response.AuthContinue {
			break
		}
		reply, err = c.answer(m, reply)
	}
	switch {
	case err != nil:
		return c.fault(PhaseAuth, err)
	case reply.Code == response.AuthContinue:
		return c.fault(PhaseAuth, errTooManyChallenges)
	case !reply.Code.IsCompleted():
		return c.refusal(PhaseAuth, reply, nil)
	case !m.Done():
		return c.fault(PhaseAuth, errEarlySuccess)
	}
	return nil
}

var (
	errTooManyChallenges = errors.New("too many challenges")
	errEarlySuccess      = errors.New("the server claimed success before the mechanism was done")
)

// answer sends the mechanism's answer to one challenge, or gives up.
func (c *Conn) answer(m authentication.Mechanism, challenge response.Response) (response.Response, error) {
	text, err := base64.StdEncoding.DecodeString(challenge.Text())
	var next []byte
	if err == nil {
		next, err = m.Next(text)
	}
	if err != nil {
		reply, broken := c.do(PhaseAuth, commands.AuthCancel{})
		if broken != nil {
			return reply, broken
		}
		return reply, c.refusal(PhaseAuth, reply, err)
	}
	c.hideAnswer(next)
	return c.do(PhaseAuth, commands.AuthResponse{Response: next})
}

// hideAnswer keeps what is about to be sent, and the password, out of what the server says to it.
func (c *Conn) hideAnswer(answer []byte) {
	sent := base64.StdEncoding.EncodeToString(answer)
	c.link.setMask(func(text string) string {
		if sent != "" {
			text = strings.ReplaceAll(text, sent, "***")
		}
		return c.cfg.Credentials.Mask(text)
	})
}

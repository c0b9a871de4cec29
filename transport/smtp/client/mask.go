package client

import (
	"errors"
	"slices"
	"strings"

	"github.com/depeche-mail/depeche/transport/smtp/response"
)

// maskSecrets takes secrets out of what the server said, which may be an echo of a login, even a late one. A
// challenge that is due stays as it is for the mechanism, which needs every octet; it is shown to nothing else.
func (l *link) maskSecrets(reply *response.Response, err error) {
	if l.mask == nil || l.loggedIn && err == nil && reply.Code.IsCompleted() { // no time for each 250
		return
	}
	challenge := reply.Code == response.AuthContinue
	reply.Lines = slices.Clone(reply.Lines) // others may hold the same
	for i := range reply.Lines {
		switch {
		case !challenge:
			reply.Lines[i] = l.mask(reply.Lines[i])
		case l.loggedIn || l.queue.len() == 0:
			reply.Lines[i] = masked
		}
	}
	if garbage, ok := errors.AsType[*response.ProtocolError](err); ok {
		garbage.Line = l.mask(garbage.Line)
		if strings.HasPrefix(garbage.Line, response.AuthContinue.String()) {
			garbage.Line = masked
		}
	}
}

const masked = "***"

// traceText is a reply for the trace. What a challenge holds is enough to guess a password at home (RFC 5802
// section 9), or is an echo of it.
func (l *link) traceText(reply response.Response) string {
	if l.mask != nil && reply.Code == response.AuthContinue && reply.Text() != "" {
		return reply.Code.String() + " " + masked
	}
	return reply.String()
}

// setMask sets what takes secrets out of replies from now on.
func (l *link) setMask(mask func(string) string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mask = mask
}

// endLogin says that the login has succeeded.
func (l *link) endLogin() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.loggedIn = true
}

package client

import (
	"errors"
	"net"
	"slices"
	"strings"

	"github.com/depeche-mail/depeche/transport/outcome"
	"github.com/depeche-mail/depeche/transport/smtp/authentication"
	"github.com/depeche-mail/depeche/transport/smtp/extension"
	"github.com/depeche-mail/depeche/transport/smtp/response"
)

// facts is a situation with the parts of its failure that the rules ask for.
type facts struct {
	Situation

	failed *Error
	reply  response.Response
	fault  outcome.Fault
	tls    *TLSError
	login  *authentication.Error
	dns    *net.DNSError
	limit  bool // a time ran out
}

// facts returns false when there is no failure of a session.
func (s Situation) facts() (*facts, bool) {
	failed, ok := errors.AsType[*Error](s.Err)
	if !ok {
		return nil, false
	}
	f := &facts{Situation: s, failed: failed, reply: failed.Response}
	f.tls, _ = errors.AsType[*TLSError](s.Err)
	f.login, _ = errors.AsType[*authentication.Error](s.Err)
	f.dns, _ = errors.AsType[*net.DNSError](s.Err)
	var network net.Error
	f.limit = errors.As(s.Err, &network) && network.Timeout()
	f.fault = outcome.FaultOf(failed.Phase, outcome.Reply{
		Code: int(f.reply.Code), Enhanced: f.reply.Enhanced.String(), Lines: f.reply.Lines,
	}, false)
	return f, true
}

func (f *facts) in(phases ...Phase) bool { return slices.Contains(phases, f.failed.Phase) }

func (f *facts) refused() bool { return !f.reply.IsZero() }

func (f *facts) code(codes ...response.Code) bool { return slices.Contains(codes, f.reply.Code) }

func (f *facts) tlsKind(kinds ...TLSKind) bool {
	return f.tls != nil && slices.Contains(kinds, f.tls.Kind)
}

func (f *facts) loginKind(kinds ...authentication.Kind) bool {
	return f.login != nil && slices.Contains(kinds, f.login.Kind)
}

// says reports whether the refusal has one of these words in it, in any case.
func (f *facts) says(words ...string) bool {
	text := strings.ToLower(f.reply.String())
	return slices.ContainsFunc(words, func(word string) bool { return strings.Contains(text, word) })
}

// offersPlain reports whether a login that shows the password to the server is offered.
func (f *facts) offersPlain() bool {
	return slices.ContainsFunc(f.Offers.Mechanisms(), func(m string) bool { return m == "PLAIN" || m == "LOGIN" })
}

// offersOnly reports whether all mechanisms on offer begin with one of these words.
func (f *facts) offersOnly(words ...string) bool {
	list := f.Offers.Mechanisms()
	for _, m := range list {
		if !slices.ContainsFunc(words, func(word string) bool { return strings.HasPrefix(m, word) }) {
			return false
		}
	}
	return len(list) > 0
}

func (f *facts) mechanisms() string { return strings.Join(f.Offers.Mechanisms(), " ") }

// unsupported reports whether the failure is an extension that the server does not offer.
func (f *facts) unsupported(keyword extension.Keyword) bool {
	missing, ok := errors.AsType[*extension.UnsupportedError](f.Err)
	return ok && missing.Keyword == keyword
}

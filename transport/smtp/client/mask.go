package client

import (
	"errors"
	"slices"
	"strings"

	"github.com/depeche-mail/depeche/transport/smtp/extension"
	"github.com/depeche-mail/depeche/transport/smtp/response"
)

// maskSecrets takes secrets out of what the server said, which may be an echo of a login, even a late one or one on
// another connection. A challenge that is due stays as it is for the mechanism, which needs every octet; it is shown
// to nothing else.
func (in *receiver) maskSecrets(reply *response.Response, err error) {
	if err == nil && reply.Code.IsCompleted() && len(reply.Lines) == 1 && in.wire.mask.Text(reply.Lines[0]) == reply.Lines[0] {
		return // as nearly all are
	}
	if garbage, ok := errors.AsType[*response.ProtocolError](err); ok {
		garbage.Line = in.wire.mask.Text(garbage.Line)
		if strings.HasPrefix(garbage.Line, response.AuthContinue.String()) {
			garbage.Line = masked
		}
	}
	due := in.awaited.len() > 0
	show := in.wire.mask.Text
	switch {
	case reply.Code == response.AuthContinue && due && in.awaited.front().step == stepAuth:
		return
	case reply.Code == response.AuthContinue:
		show = func(string) string { return masked }
	case due && in.awaited.front().step == stepHello && reply.Code.IsCompleted():
		show = in.wire.maskOffer
	}
	shared := true // others may hold the same lines
	for i, line := range reply.Lines {
		text := show(line)
		if text == line {
			continue
		}
		if shared {
			reply.Lines, shared = slices.Clone(reply.Lines), false
		}
		reply.Lines[i] = text
	}
}

const masked = "***"

// maskOffer is the mask of a line of the reply to EHLO: a password that is a word of the protocol must not take an
// extension away, nor a mechanism.
func (w *wire) maskOffer(line string) string {
	if w.mask.Text(line) == line {
		return line
	}
	var out, others []string
	flush := func() {
		if len(others) > 0 {
			out, others = append(out, w.mask.Text(strings.Join(others, " "))), nil
		}
	}
	for word := range strings.SplitSeq(line, " ") {
		if !offerWords[strings.ToUpper(word)] {
			others = append(others, word)
			continue
		}
		flush()
		out = append(out, word)
	}
	flush()
	return strings.Join(out, " ")
}

// offerWords are the words of an offer that this package makes use of.
var offerWords = func() map[string]bool {
	words := map[string]bool{}
	for _, k := range []extension.Keyword{
		extension.Auth, extension.BinaryMIME, extension.Chunking, extension.DeliverBy, extension.DSN, extension.EightBitMIME,
		extension.EnhancedStatusCodes, extension.ETRN, extension.Expn, extension.FutureRelease, extension.Help, extension.Limits,
		extension.MTPriority, extension.Pipelining, extension.RequireTLS, extension.Size, extension.SMTPUTF8, extension.StartTLS,
		extension.Vrfy,
	} {
		words[string(k)] = true
	}
	for _, name := range []string{
		"SCRAM-SHA-512-PLUS", "SCRAM-SHA-256-PLUS", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-512", "SCRAM-SHA-256", "SCRAM-SHA-1",
		"CRAM-MD5", "PLAIN", "LOGIN", "OAUTHBEARER", "XOAUTH2", "EXTERNAL", "ANONYMOUS",
	} {
		words[name] = true
	}
	return words
}()

// traceText is a reply for the trace. What a challenge holds is enough to guess a password at home (RFC 5802
// section 9), or is an echo of it.
func traceText(reply response.Response) string {
	if reply.Code == response.AuthContinue && reply.Text() != "" {
		return reply.Code.String() + " " + masked
	}
	return reply.String()
}

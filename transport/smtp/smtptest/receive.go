package smtptest

import (
	"slices"
	"strings"
)

// hand gives the message to [Config.Receive], if the server would take it, and returns what to answer.
func (s *session) hand(own string) string {
	if s.config.Receive == nil || !positive(own) {
		return own
	}
	m := s.message.clone()
	m.Recipients = slices.DeleteFunc(m.Recipients, func(r Recipient) bool { return s.recipient != "" && r.Address != s.recipient })
	if err := s.config.Receive(m); err != nil {
		return reply(451, "4.3.0 "+strings.Map(printable, err.Error()))
	}
	return own
}

// printable keeps an error text on one line of a reply.
func printable(r rune) rune {
	if r < ' ' || r > '~' {
		return '?'
	}
	return r
}

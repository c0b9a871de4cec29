package smtptest

import "time"

// ErrorBudget is how many errors a client may make on a connection, as Postfix counts them: each refused command is
// one, and a message that was stored forgives all. The zero value allows any number.
type ErrorBudget struct {
	// Soft is the number of errors from which on the server waits for Delay before each reply
	// (smtpd_soft_error_limit, smtpd_error_sleep_time).
	Soft  int
	Delay time.Duration
	// Hard is the number of errors after which the server says so and closes the connection, without waiting for
	// another command (smtpd_hard_error_limit).
	Hard int
	// Junk is how many commands without use may come between two messages, such as NOOP and RSET; each one more is
	// an error (smtpd_junk_command_limit).
	Junk int
}

// PostfixErrors returns the limits that Postfix has unless it is told otherwise, read in Postfix 3.11
// (src/smtpd/smtpd.c and src/global/mail_params.h).
func PostfixErrors() ErrorBudget {
	return ErrorBudget{Soft: 10, Delay: time.Second, Hard: 20, Junk: 100}
}

// junk are the verbs that [ErrorBudget.Junk] counts.
var junk = map[string]bool{Ehlo: true, Helo: true, Lhlo: true, Noop: true, Rset: true, "VRFY": true, "ETRN": true}

// slowed says a reply, late and at once when there were too many errors before, and counts it.
func (s *session) slowed(text string) error {
	b := &s.config.Errors
	late := b.Soft > 0 && s.errors >= b.Soft
	if late {
		if err := s.pause(b.Delay); err != nil {
			return err
		}
	}
	s.link.out = append(s.link.out, text...)
	if code(text) >= 400 {
		s.errors++
	}
	if late {
		return s.link.flush()
	}
	return nil
}

// useless counts a command that does not bring a message further.
func (s *session) useless(verb string) {
	if s.config.Errors.Junk > 0 && junk[verb] {
		if s.junk++; s.junk > s.config.Errors.Junk {
			s.errors++
		}
	}
}

// exhausted says goodbye to a client that has made too many errors.
func (s *session) exhausted() error {
	if b := &s.config.Errors; b.Hard <= 0 || s.errors < b.Hard {
		return nil
	}
	return s.refuse(s.config.Dialect.Errors)
}

// refuse says a refusal that is the end of the connection.
func (s *session) refuse(r Refusal) error {
	if err := s.slowed(r.text(s.config.Hostname)); err != nil {
		return err
	}
	return s.hangUp(false)
}

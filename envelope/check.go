package envelope

import "fmt"

// Check returns why a mail can't be sent at all: nil when its envelope has a recipient and a sender that can send, and
// else what its optional method EnvelopeError says, ErrNoRecipient, or ErrNoDomain. A mail whose envelope is derived from header fields has that
// method, so that a recipient who could not be read is told instead of lost. Every transport asks before it
// begins, and fails with the answer.
func Check(mail interface{ Envelope() Envelope }) error {
	switch env := mail.Envelope(); {
	case env.From().IsPostmaster(): // by WithFrom, which has no error
		return &FieldError{Field: "From", Value: env.From().String(), Err: ErrNoDomain}
	case env.Len() > 0:
		return nil
	}
	if m, ok := mail.(interface{ EnvelopeError() error }); ok {
		if err := m.EnvelopeError(); err != nil {
			return fmt.Errorf("no envelope: %w", err)
		}
	}
	return ErrNoRecipient
}

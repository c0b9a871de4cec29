package envelope

import "fmt"

// Check returns why a mail can't be sent at all: nil when its envelope has a recipient, and else what its optional
// method EnvelopeError says, or ErrNoRecipient. A mail whose envelope is derived from header fields has that
// method, so that a recipient who could not be read is told instead of lost. Every transport asks before it
// begins, and fails with the answer.
func Check(mail interface{ Envelope() Envelope }) error {
	if mail.Envelope().Len() > 0 {
		return nil
	}
	if m, ok := mail.(interface{ EnvelopeError() error }); ok {
		if err := m.EnvelopeError(); err != nil {
			return fmt.Errorf("the header fields give no envelope: %w", err)
		}
	}
	return ErrNoRecipient
}

package envelope

import "errors"

// Parse returns the envelope of a sender and recipients that are written as text. The sender may be "" or "<>", the
// null path of mail that must not be answered. The error joins a *[FieldError] for each address that cannot be used:
// field From, or Recipients with its position.
func Parse(from string, to ...string) (Envelope, error) {
	var errs []error
	read := func(field string, i int, text string) Address {
		address, err := ParseAddress(text)
		if err != nil {
			errs = append(errs, &FieldError{Field: field, Index: i, Value: text, Err: err})
		}
		return address
	}
	var sender Address
	if from != "" && from != "<>" {
		sender = read("From", 0, from)
	}
	recipients := make([]Address, len(to))
	for i, text := range to {
		recipients[i] = read("Recipients", i, text)
	}
	if len(errs) > 0 {
		return Envelope{}, errors.Join(errs...)
	}
	return New(sender, recipients...)
}

// WithFrom returns the envelope with another sender: where reports of failed delivery go. The zero Address is the
// null path. [Postmaster] cannot send, which every transport says.
func (e Envelope) WithFrom(from Address) Envelope {
	e.from = from
	return e
}

// WithRecipients returns the envelope with other recipients and the same delivery options. The error is that of
// [NewWithOptions].
func (e Envelope) WithRecipients(to ...Recipient) (Envelope, error) {
	return NewWithOptions(e.from, to, e.Options())
}

package transport

// WithEnding returns mail whose WriteTo calls ending after it has written the content and before it returns,
// that is before any octet has left that could complete the mail at a server. If ending fails, WriteTo does,
// and the mail is NotSent. A mail that is written several times calls it each time. Package ledger
// remembers by it that a mail is about to be in doubt.
//
// A mail that does not know its octets is read once more without ending, so that it knows them; see Mail.
func WithEnding(mail Mail, ending func() error) Mail {
	return wrapMail(mail, func(r *readdressed) {
		if before := r.ending; before != nil {
			r.ending = func() error {
				if err := before(); err != nil {
					return err
				}
				return ending()
			}
			return
		}
		r.ending = ending
	})
}

// WithoutEnding returns mail as it was before [WithEnding], for code that reads a mail without sending it: to sign
// it, to compare it.
func WithoutEnding(mail Mail) Mail {
	if r, ok := mail.(interface{ layer() readdressed }); ok && r.layer().ending != nil {
		return wrapMail(mail, func(r *readdressed) { r.ending = nil })
	}
	return mail
}

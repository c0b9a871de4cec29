package transport

// WithKey returns mail with a key of the caller's: the name of this piece of work, such as
// "order-4711/receipt", which is the same when the program does the work again. Every [Result] carries
// it, and package ledger sends once for each key and recipient. An empty key takes a key away. A mail that is nil can have
// one too: it becomes a mail that no transport sends, so that the row of a table that could not be composed is reported by its
// key; see [SendRows].
func WithKey(mail Mail, key string) Mail {
	return wrapMail(mail, func(r *readdressed) { r.key = key })
}

// KeyOf returns the caller's key of mail: what the method Key() string of the mail says, "" without one.
func KeyOf(mail Mail) string {
	if m, ok := mail.(interface{ Key() string }); ok {
		return m.Key()
	}
	return ""
}

// WithFingerprint returns mail with a fingerprint of what it was made of, such as the name and version of a
// template and a hash of its data. Package ledger tells by it that a key is used for two mails. It
// must be the same when the program makes the mail again, so it covers neither Date nor boundaries.
func WithFingerprint(mail Mail, fingerprint string) Mail {
	return wrapMail(mail, func(r *readdressed) { r.fingerprint = fingerprint })
}

// FingerprintOf returns the fingerprint of mail: what the method Fingerprint() string of the mail says, ""
// without one.
func FingerprintOf(mail Mail) string {
	if m, ok := mail.(interface{ Fingerprint() string }); ok {
		return m.Fingerprint()
	}
	return ""
}

// MessageIDGiven reports whether the Message-ID of mail was chosen by the caller, so that making the mail
// again gives the same: what the method MessageIDGiven() bool of the mail says, false without one.
func MessageIDGiven(mail Mail) bool {
	m, ok := mail.(interface{ MessageIDGiven() bool })
	return ok && m.MessageIDGiven()
}

// Identify enters the key and the Message-ID of mail. A transport calls it for each result it makes.
func (r *Result) Identify(mail Mail) {
	r.Key, r.MessageID = KeyOf(mail), MessageID(mail)
}

func (r *readdressed) Key() string          { return r.key }
func (r *readdressed) Fingerprint() string  { return r.fingerprint }
func (r *readdressed) MessageIDGiven() bool { return MessageIDGiven(r.mail) }

// EnvelopeError passes on why the mail has no envelope, unless it was given one.
func (r *readdressed) EnvelopeError() error {
	if r.envelope.Len() > 0 {
		return nil
	}
	if m, ok := r.mail.(interface{ EnvelopeError() error }); ok {
		return m.EnvelopeError()
	}
	return nil
}

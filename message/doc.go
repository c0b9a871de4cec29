// Package message composes mail: a builder turns headers and parts into an immutable [Message],
// which is RFC 5322 octets and an envelope.
//
//	msg, err := message.New().
//		From("NoBody <nobody@domain.tld>").
//		To("Hei <hei@domain.tld>").
//		Subject("Happy new year").
//		Text("Be happy!").
//		HTML("<p>Be happy!</p>").
//		Attach(message.File(os.DirFS("."), "plan.pdf")).
//		Build()
//
// A [Builder] is a linear handle: every step returns the next handle, and using an old one again is
// an error of Build. Write b = b.To(x), as with append; fork a template with [Builder.Clone]. Steps
// never fail; Build returns everything that is wrong, each fault as a [*FieldError].
//
// String steps such as To are for what the programmer writes. Names and addresses that come from
// users go through the steps that keep them apart, such as ToNamed(name, address) and ToMailbox: they are
// never joined to a string and parsed again.
//
// What Build adds by itself: Date, Message-ID, MIME-Version and the Content-* fields; To:
// undisclosed-recipients when only Bcc recipients exist. Nothing else. Bcc recipients are in the
// envelope and never in the octets.
//
// The octets are 7-bit and have no line over 998 octets (RFC 5322 section 2.1.1), so they pass every
// server unchanged and survive signing, unless a step says otherwise ([Builder.EightBit],
// [Builder.Internationalized]).
package message

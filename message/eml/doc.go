// Package eml reads mail that other programs wrote, such as .eml files, and answers it, forwards it, and sends it
// on. To compose mail see package message.
//
//	m, err := eml.Parse(file)
//	content, err := m.Content()
//	answer, err := m.Reply(me).Text("Thank you!\n\n" + eml.Quote(content.Text)).Build()
//
// Reading never gives up: [Parse] refuses only input without any header field. What can't be read is reported, by
// [Message.Faults], by [Content] and by the errors of the methods that return people, and everything else is
// returned. All that a [Message] returns can be given to a message.Builder.
//
// A [Message] is a transport.Mail. Two rules hold for what it sends:
//   - It never loses a recipient in silence. When the fields that decide about the envelope hold an element that is
//     not an address for certain, the envelope is the zero Envelope, and Send fails with the reason, which
//     names field, element and text. [Message.WithEnvelope] decides otherwise.
//   - It never shows a blind recipient. Bcc and Resent-Bcc count for the envelope and are not written;
//     [Message.KeepBcc] keeps them, for drafts and for programs such as sendmail -t.
package eml

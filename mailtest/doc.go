// Package mailtest is for tests of code that sends mail: an [Inbox] takes the transport's place, keeps
// every mail, and answers questions about it.
//
//	inbox := mailtest.New()
//	register(ctx, inbox, "hei@example.org") // code under test; it takes a transport.Transport
//	mail := inbox.AssertSent(t, mailtest.SentTo("hei@example.org"), mailtest.Subject("Welcome"))
//	mail.Assert(t, mailtest.SeesInHTML("Good to have you here"), mailtest.HasAttachment("terms.pdf"))
//	mailtest.Golden(t, "testdata/welcome.eml", mail)
//
// There is nothing global: each test makes an inbox of its own, so tests may run in parallel. Where the
// code under test holds one transport for the whole process, give it [ByContext] and send with the
// context of [Inbox.Context]. Where mail is sent in the background, [Inbox.Await] waits for it.
//
// Questions are [Match] values. When none of the mails has what was asked for, the failure says of each
// what is different.
//
// A mail is read by [Parse], which gives a [View]: header fields, text, HTML and parts, all decoded. Views
// are plain values that [Diff] and cmp.Diff compare. Parse is total: the most hostile message gives a
// view, with its faults listed.
//
// Package mailtest/preview shows an inbox in a browser. For faults of a relay see packages
// transport/stub and transport/smtp/smtptest.
package mailtest

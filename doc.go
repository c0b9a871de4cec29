// Package depeche is the front door of a mail-sending SDK: it turns one URL into a
// [transport.Transport] and sends a composed message through it.
//
// The work is done by the packages below, each of which can be used alone:
//
//   - message composes: a builder turns headers and parts into an immutable message.
//   - envelope says who sends and who receives, as SMTP sees it.
//   - transport is the one-method interface that accepts mail, and what is known afterwards of
//     every recipient.
//   - transport/smtp sends through a relay; transport/stub, transport/file and
//     transport/sendmail take its place in tests and tools.
//   - transport/smtp/smtptest is a mail server for tests, used the way httptest is.
//
// Below transport/smtp lie the layers it is made of: client (one connection), commands,
// extension, authentication and response. Most programs never import them.
//
// docs/architecture.md in the repository follows one message through all of them.
package depeche

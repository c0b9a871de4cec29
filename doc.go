// Package depeche is the front door of a mail-sending SDK: it turns one URL into a
// [transport.Transport] and sends a composed message through it.
//
// Most programs need three packages: message composes, transport/smtp sends through a relay (or [Open] whatever a URL
// names), and transport has the types of what became of the mail. All packages can be used alone:
//
//   - message composes: a builder turns headers and parts into an immutable message. message/eml reads mail that
//     others wrote, answers and forwards it; message/templates fills messages from files.
//   - envelope says who sends and who receives, as SMTP sees it.
//   - transport is the one-method interface that accepts mail, and what is known afterwards of every
//     recipient. transport/policy has transports over transports: failover, retry, rates, routes.
//   - transport/smtp sends through a relay; transport/sendmail through the command of that name, and
//     transport/file to disk. transport/smtp/diagnose says what is wrong with a relay.
//   - dkim signs. ledger sends each mail once, across restarts; queue sends it later.
//   - mailtest asks in tests what was sent; transport/stub fails as a script says; transport/smtp/smtptest is a mail
//     server for tests, used the way httptest is.
//
// Below transport/smtp lie the layers it is made of: client (one connection), commands,
// extension, authentication and response. Most programs never import them.
//
// docs/architecture.md in the repository follows one message through all of them.
package depeche

// Package smtptest is an SMTP and LMTP server on the loopback interface for tests, made like
// [net/http/httptest]:
//
//	srv := smtptest.NewServer(t)
//	sender, err := smtp.FromURL(srv.URL()).TLSConfig(srv.ClientTLS()).Build()
//	...
//	result, err := sender.Send(t.Context(), mail)
//	...
//	for _, m := range srv.Messages() {
//		fmt.Println(m.From.Address, m.Addresses(), string(m.Content))
//	}
//
// A server offers STARTTLS with a certificate of its own authority, then AUTH, and everything modern.
// It is strict: a parameter that was not offered, a second MAIL without RSET or a chunk after a
// failed one is refused, and what no client should do is listed in [Server.Violations].
//
// # Faults
//
// Before it answers anything the server asks its hooks what to do, at every [Event] from the accept
// to the last reply; an [Action] is a chain of steps:
//
//	srv.Config.Hooks = []smtptest.Hook{
//		smtptest.On(smtptest.Rcpt, smtptest.Reply("450 4.2.1 try later")),
//		smtptest.On(smtptest.End, smtptest.Accept().Then(smtptest.Reset())), // stored, and the reply is lost
//	}
//
// A message counts as stored exactly when the server decided for a 2yz reply to the end of its
// content, whether or not that reply could be delivered: [Message.Stored] and [Message.ReplyWritten]
// are the two sides that a test of a client's outcome compares.
//
// # Counting
//
// The server sends its replies only when it has used up all input, as RFC 2920 section 3.2 wants it.
// So each time that it sends is a round trip for the client; [Session.RoundTrips] counts them, and
// [Config.Linger] makes the count firm when a flight comes in several pieces.
//
// # Limits
//
// [Config.MaxConnections], [Config.IdleTimeout], [Config.Throttle] and [Config.Errors] are the limits of a relay, and
// [Config.Dialect] has the words of a provider for them:
//
//	srv.Config.Dialect.Name = "gmail"
//	srv.Config.Throttle.PerDay = 100
//
// A server with [Config.Network] "memory" may be used in a bubble of testing/synctest: a day of a newsletter takes
// as long as its mails need.
//
// The package shares no code about mail with the rest of this module: it judges it.
package smtptest

// Package smtp sends mail through a relay, over connections that are kept and shared.
//
//	sender, err := smtp.Relay("smtp.example.com").
//		Login("user", secret).
//		Pool(smtp.Pool{MaxOpen: 4}).
//		Build()
//	...
//	defer sender.Shutdown(ctx)
//	result, err := sender.Send(ctx, msg)
//
// # Which constructor
//
//   - [Relay]: TLS from the first octet, port 465. The right one for almost every provider.
//   - [StartTLSRelay]: STARTTLS, which must succeed, port 587.
//   - [FromURL], [Config]: the same from one string, or from a struct that a configuration file is read into.
//   - [ForProvider]: a provider by its name, with the limits that it publishes.
//   - [Discover]: whatever the domain of an address names in DNS.
//   - [UnencryptedLocalhost]: a server on this machine, port 25, no TLS, no password.
//   - [UnixSocket]: a server on this machine over a Unix socket.
//   - [LMTP], [LMTPSocket]: a delivery agent beside us, one verdict per recipient.
//   - [DangerousPlaintext]: no TLS to another machine. An attacker on the way reads the mail and may change it.
//
// # What is certain afterwards
//
// Send reports the outcome of every recipient; package transport says what each outcome means. What was
// said may be said again only while it is certain that the server took nothing. So Send repeats by
// itself in one case only: a connection that had been used before proves dead before the end of the
// content was written. Then it sends once more, over a fresh one.
//
// # Logging in
//
// Login logs in with a password by the strongest mechanism that the server offers, Credentials with
// whatever package authentication has: tokens, secrets from a source, certificates. A secret that the
// server rejects is said once, and not again by each connection of the pool.
//
// # Round trips
//
// Commands and content travel in as few flights as the server allows: one per message to a server
// with PIPELINING and CHUNKING that has shown that it swallows a refused chunk, two with PIPELINING
// alone, one per command else.
package smtp

// Package authentication holds who logs in (Credentials), how (Mechanism), which ways are tried in
// which order among those a server offers (Choose), and what a server has rejected (RejectedSecrets).
//
// Most programs need none of it: smtp.Builder.Login takes a user and a password. What is made here, such as
// [Token] or [External], goes to smtp.Builder.Credentials.
//
// Credentials never print their secret, in no format. A mechanism that shows the password to an attacker who
// listens is only chosen on a connection with TLS, unless the caller allowed exactly that. SCRAM
// (RFC 5802, RFC 7677) verifies the server too, and its forms with -PLUS the TLS connection.
package authentication

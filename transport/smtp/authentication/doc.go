// Package authentication holds who logs in (Credentials), how (Mechanism), and which way is chosen
// among those a server offers.
//
// Credentials never print their secret, in no format. A mechanism that shows the password to whoever
// listens is only chosen on a connection with TLS, unless the caller allowed exactly that.
package authentication

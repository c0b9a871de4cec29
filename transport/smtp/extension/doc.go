// Package extension holds what a server offers in its EHLO reply, what a client calls itself, and
// the parameters of MAIL and RCPT that the offers allow.
package extension

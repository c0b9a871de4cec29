// Package xtext escapes text in the parameters of SMTP commands and in delivery reports: xtext of RFC 3461 and
// the address forms of RFC 6533.
package xtext

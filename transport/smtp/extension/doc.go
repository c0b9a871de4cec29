// Package extension holds what a server offers in its EHLO reply, what a client calls itself, and
// the parameters of MAIL and RCPT that the offers allow. It is pure: nothing here reads or writes a
// connection.
//
// Most programs meet it in smtp.Builder.DisableExtensions and in what package diagnose reports.
//
// ServerInfo answers what is offered and how much of it. MailParams and RcptParams are checked twice:
// Check asks whether a value can be written at all, CheckSupported whether this server can be asked for it.
package extension

// Package sendmail is a transport that hands mail to the local sendmail command, such as that of Postfix,
// Exim or msmtp.
//
// The command is started once per mail, with the envelope as arguments and never through a shell; the
// recipients follow "--", so that none can be taken for an option. Delivery options need a [Config] that names
// the program: what is a flag for an option of one is a flag for not delivering of another. The
// environment of the command is a short list of names ([Config.Env]). Bare CR, bare LF and NUL are refused, as
// over SMTP.
//
// The exit status of the command decides the outcome, the same for every recipient; what it says on standard error is kept in the reply.
//
// A mail whose content cannot be read to its end kills the command before it can see the end of its
// input, so that half a message is not taken for a whole one. When ctx ends the command and everything
// it has started are killed: the mail is NotSent while its content was not complete, and Unknown after.
package sendmail

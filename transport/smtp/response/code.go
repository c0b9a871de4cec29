// Package response holds what an SMTP server answers: three-digit codes, enhanced status codes, and
// a strict parser whose memory does not depend on what the server sends.
//
// The first digit decides what a reply means (RFC 5321 section 4.2.1); text never does.
//
// Most programs read the Reply of package transport instead, which has the same fields.
package response

import "strconv"

// Code is the three-digit code of a reply.
type Code uint16

// Codes of success and of progress (RFC 5321 section 4.2.3, RFC 4954 section 6, RFC 1985).
const (
	SystemStatus    Code = 211
	HelpMessage     Code = 214
	Ready           Code = 220
	Closing         Code = 221
	AuthSucceeded   Code = 235
	OK              Code = 250
	WillForward     Code = 251
	CannotVerify    Code = 252
	PendingMessages Code = 253 // to ETRN
	AuthContinue    Code = 334
	StartMailInput  Code = 354
)

// Codes of a refusal for now (RFC 5321 section 4.2.3, RFC 4954 section 6, RFC 3207 section 4,
// RFC 1985).
const (
	ServiceUnavailable  Code = 421 // the server closes the connection
	PasswordTransition  Code = 432
	MailboxBusy         Code = 450
	LocalError          Code = 451
	InsufficientStorage Code = 452 // to RCPT: too many recipients
	TempAuthFailure     Code = 454 // to STARTTLS: TLS not available
	ParamsUnavailable   Code = 455
	CannotQueue         Code = 458 // to ETRN
	NodeNotAllowed      Code = 459 // to ETRN
)

// Codes of a refusal for good (RFC 5321 section 4.2.3, RFC 4954 section 6, RFC 7504
// sections 3 and 4).
const (
	SyntaxError         Code = 500
	ArgumentSyntaxError Code = 501
	NotImplemented      Code = 502
	BadSequence         Code = 503
	ParamNotImplemented Code = 504
	HostTakesNoMail     Code = 521
	AuthRequired        Code = 530 // to anything before STARTTLS: TLS required (RFC 3207 section 4)
	AuthTooWeak         Code = 534
	AuthInvalid         Code = 535
	EncryptionRequired  Code = 538
	MailboxUnavailable  Code = 550
	UserNotLocal        Code = 551
	ExceededStorage     Code = 552 // to RCPT from an old server: too many recipients
	NameNotAllowed      Code = 553
	TransactionFailed   Code = 554
	ParamsNotRecognized Code = 555
	DomainTakesNoMail   Code = 556
)

// Severity is the first digit of a code: what the reply means for the command.
type Severity uint8

// The severities of RFC 5321 section 4.2.1.
const (
	Completed    Severity = 2 // done
	Intermediate Severity = 3 // the server waits for more
	Transient    Severity = 4 // refused for now
	Permanent    Severity = 5 // refused for good
)

// String returns a word for the severity.
func (s Severity) String() string {
	switch s {
	case Completed:
		return "completed"
	case Intermediate:
		return "intermediate"
	case Transient:
		return "transient"
	case Permanent:
		return "permanent"
	}
	return "unknown severity " + strconv.Itoa(int(s))
}

// Category is the second digit of a code: what the reply is about. Servers use it loosely, so
// nothing should depend on it.
type Category uint8

// The categories of RFC 5321 section 4.2.1; 3 and 4 are used by AUTH.
const (
	CategorySyntax      Category = 0
	CategoryInformation Category = 1
	CategoryConnection  Category = 2
	CategoryMailSystem  Category = 5
)

// Severity returns the first digit.
func (c Code) Severity() Severity { return Severity(c / 100) }

// Category returns the second digit.
func (c Code) Category() Category { return Category(c / 10 % 10) }

// Detail returns the third digit.
func (c Code) Detail() int { return int(c % 10) }

// IsCompleted reports whether the command was done (2yz).
func (c Code) IsCompleted() bool { return c.Severity() == Completed }

// IsTransient reports whether the command was refused for now (4yz).
func (c Code) IsTransient() bool { return c.Severity() == Transient }

// IsPermanent reports whether the command was refused for good (5yz).
func (c Code) IsPermanent() bool { return c.Severity() == Permanent }

// String returns the three digits.
func (c Code) String() string { return strconv.Itoa(int(c)) }

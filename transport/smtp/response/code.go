// Package response holds what an SMTP server answers: three-digit codes, enhanced status codes, and
// a strict reader whose memory does not depend on what the server sends.
//
// The first digit decides what a reply means (RFC 5321 section 4.2.1); text never does.
package response

import "strconv"

// Code is the three-digit code of a reply.
type Code uint16

// Codes that a client has to know by name (RFC 5321 section 4.2.3, RFC 4954 section 6).
const (
	Ready               Code = 220
	Closing             Code = 221
	AuthSucceeded       Code = 235
	OK                  Code = 250
	WillForward         Code = 251
	CannotVerify        Code = 252
	AuthContinue        Code = 334
	StartMailInput      Code = 354
	ServiceUnavailable  Code = 421
	TempAuthFailure     Code = 454
	InsufficientStorage Code = 452
	SyntaxError         Code = 500
	NotImplemented      Code = 502
	BadSequence         Code = 503
	ParamNotImplemented Code = 504
	AuthRequired        Code = 530
	AuthTooWeak         Code = 534
	AuthInvalid         Code = 535
	MailboxUnavailable  Code = 550
	ExceededStorage     Code = 552
	TransactionFailed   Code = 554
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

// Severity returns the first digit.
func (c Code) Severity() Severity { return Severity(c / 100) }

// Category returns the second digit: 0 syntax, 1 information, 2 connection, 5 mail system.
func (c Code) Category() int { return int(c / 10 % 10) }

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

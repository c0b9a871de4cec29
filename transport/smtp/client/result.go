package client

import (
	"errors"
	"io"
	"time"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport/outcome"
	"github.com/depeche-mail/depeche/transport/smtp/response"
)

// Mail is what a transaction sends: transport.Mail has these methods. What it knows of itself through
// BodyInfo need not be found out by reading it once more. One that is Binary may hold any octets; it goes to servers
// with BINARYMIME only, by BDAT.
type Mail interface {
	Envelope() envelope.Envelope
	WriteTo(w io.Writer) (int64, error) // repeatable: every call writes the same octets
}

// Outcome is what became of one recipient.
type Outcome = outcome.Outcome

// The outcomes; see package outcome.
const (
	NotSent  = outcome.NotSent
	Accepted = outcome.Accepted
	Rejected = outcome.Rejected
	Deferred = outcome.Deferred
	Unknown  = outcome.Unknown
)

// refused is what a verdict holds of a recipient whose RCPT was refused, until the end of the transaction.
const refused = Unknown + 3

// refusalOf is the outcome of a recipient who was refused with r. A 552 to RCPT that means too many recipients is
// for now (RFC 5321 section 4.5.3.1.10).
func refusalOf(r response.Response) Outcome {
	if r.Code.IsTransient() || r.TooManyRecipients() {
		return Deferred
	}
	return Rejected
}

// isRefused reports whether a recipient was refused, for now or for good.
func (v *RecipientResult) isRefused() bool {
	return v.Outcome == Rejected || v.Outcome == Deferred || v.Outcome == refused
}

// RecipientResult is the outcome of one recipient and the reply that decided it.
type RecipientResult struct {
	Outcome Outcome
	// Response is zero when no reply about this recipient came. Of a long text the beginning is kept, and "..." ends
	// it: see Result.
	Response response.Response
	Phase    Phase // the step that Response answers, or that was waited for
	Shared   bool  // Response answers for other recipients too
}

// Result is what is known after an attempt to send one mail. Of the text of each reply it keeps 2 KiB; where the
// texts of all recipients would come to more than 1 MiB beyond 256 octets each, 256 octets. A line counts 16 octets more
// than its text. Code and enhanced code are always kept.
type Result struct {
	// Recipients has one entry per recipient, in envelope order.
	Recipients []RecipientResult
	// Err is nil if and only if every recipient was accepted, else an *[Error]; see Failure. It says what
	// stopped the recipients who are NotSent or Unknown, or where the first of the others was refused.
	Err error
	// Envelope is the time from MAIL to the last reply before the content, Body that of writing the
	// content, Final that from its end to the verdict. Phases that share a flight share their time.
	Envelope, Body, Final time.Duration

	failure       *Error // the same as Err
	refusal, stop *Error // of the transactions so far
	attempts      int
	stale         bool
	withheld      bool // AllOrNothing: recipients are NotSent because others were refused
	fallback      Fallback
	texts         replyTexts // so far

	one [1]RecipientResult // of most mails
}

// reset makes r the receipt of a mail to n recipients.
func (r *Result) reset(n int) {
	*r = Result{}
	if n <= len(r.one) {
		r.Recipients = r.one[:n]
	} else {
		r.Recipients = make([]RecipientResult, n)
	}
}

// again prepares r for a further attempt at some of its recipients.
func (r *Result) again() {
	r.fail(nil)
	r.stop, r.attempts = nil, 0
}

// Unsent returns the recipients, by their position, who are NotSent because of the connection or of what the
// server said of others, while others have their answer. They can be sent the mail without those others.
func (r *Result) Unsent() []int {
	f, failed := r.Failure()
	if !failed || r.withheld || f.Phase == PhaseMessage || errors.As(f.Err, new(*contentError)) || r.count(NotSent) == len(r.Recipients) {
		return nil
	}
	var list []int
	for i := range r.Recipients {
		if r.Recipients[i].Outcome == NotSent {
			list = append(list, i)
		}
	}
	return list
}

// unsent notes why recipients were never named to the server.
func (r *Result) unsent(cause error) {
	r.add(&txn{stop: &Error{Phase: PhaseMail, Err: cause}, stale: true})
}

// Failure returns Err as the *Error that it is, and false when every recipient was accepted.
func (r *Result) Failure() (*Error, bool) { return r.failure, r.failure != nil }

// fail sets or, with nil, clears the error.
func (r *Result) fail(e *Error) {
	r.failure, r.Err = e, nil
	if e != nil {
		r.Err = e
	}
}

// count returns how many recipients have the outcome.
func (r *Result) count(f Outcome) int {
	n := 0
	for i := range r.Recipients {
		if r.Recipients[i].Outcome == f {
			n++
		}
	}
	return n
}

// ConnectionWasDead reports whether the connection was at its end before it had taken anything: no recipient was
// accepted, nothing is uncertain, and a refusal spoke of the connection and not of the mail. That is 421
// to RSET or MAIL, RSET refused, a refusal for now with the end of the stream already there, or 4.4.2
// (RFC 3463 section 3.5). The same mail can be sent over another connection without a risk.
func (r *Result) ConnectionWasDead() bool { return r.Err != nil && r.stale }

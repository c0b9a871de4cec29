package client

import (
	"time"

	"github.com/depeche-mail/depeche/internal/ending"
	"github.com/depeche-mail/depeche/transport/smtp/response"
)

// attempt is one transaction on the wire: what was said, which replies have come, and in the end what
// follows from them for each recipient. The goroutine that uses the Conn writes the first group of fields;
// the reader writes the second in reply and early, with the link's lock held. The writing goroutine reads
// those with the lock held, or when no reply is due.
type attempt struct {
	link  *link
	plan  plan
	rcpt  []int // the recipients of this transaction, as indexes into the envelope
	lmtp  bool  // one verdict per accepted recipient
	reset bool  // RSET goes first
	idle  bool  // the server had been silent before: it may have closed the connection
	// endings are told before the end of the content is written.
	endings []ending.Ending
	alone   bool // nothing else was in flight when it began
	closed  bool // nothing more will be asked
	// takenBack: nothing of it was written, and nothing will be.
	takenBack bool
	asked     int   // commands, the end of the content among them
	start     int64 // where in the stream its first command begins
	end       int64 // where in the stream the content ends; 0 until its end is corked
	times     [4]time.Time
	stop      *Error // what stopped the recipients who are NotSent or Unknown
	// refusal is the first refusal that decided about a recipient.
	refusal *Error
	stale   bool // the connection was at its end before it took anything

	verdicts        []RecipientResult // of the whole envelope; settle makes outcomes of what was heard
	replies         int               // commands that were answered
	accepted        int               // recipients that were accepted at RCPT
	nextFinal       int               // position in rcpt of the recipient that the next verdict is for
	overflow        []int             // recipients that are too many for this transaction
	resetReply      response.Response // of an RSET that was refused
	refused         *Error            // the first refusal of MAIL, DATA, a chunk or an unfinished content
	contradicted    bool              // a later command was accepted all the same
	goodbye         *Error            // 421 or 221 to a command
	taken           response.Response // 2yz to a content although no recipient was accepted
	dataAccepted    bool              // DATA was answered with 354
	written         bool              // the end of the content was given to the connection
	contentAccepted bool              // the server took the content, which ends the transaction
	chunkRefused    bool              // a chunk before the last was refused
	chunked         bool              // the content goes by BDAT
	swallows        bool              // to a server that swallows the octets of a BDAT that it refuses
	chunkUnknown    response.Response // the refusal of BDAT as a command
	fallback        Fallback
}

// What a verdict holds between the reply to the content and the end of the transaction.
const (
	contentTaken   = Unknown + 1 + iota // 2yz to the content
	contentRefused                      // 4yz or 5yz to the content
)

// The times of an attempt.
const (
	timeStart    = iota // before MAIL
	timeEnvelope        // the last reply before the content
	timeBody            // the content was written
	timeFinal           // the verdict
)

// over reports whether nothing more is to be said or heard in the transaction.
func (a *attempt) over() bool { return a.closed && a.replies == a.asked }

// reply takes the reply to one command of the transaction.
func (a *attempt) reply(e expectation, r response.Response) (more bool, err error) {
	if positive := r.Code.IsCompleted() || r.Code.Severity() == response.Intermediate; positive && e.phase != PhaseFinal {
		a.contradicted = a.contradicted || a.refused != nil
	}
	switch e.phase {
	case PhaseReset:
		a.onReset(r)
	case PhaseMail:
		err = a.onMail(r)
	case PhaseRcpt:
		err = a.onRcpt(e.index, r)
	case PhaseData:
		err = a.onData(r)
	case PhaseBody:
		err = a.onChunk(r)
	case PhaseFinal:
		more, err = a.onFinal(r)
	}
	if r.Code == response.ServiceUnavailable || r.Code == response.Closing {
		a.link.closing = true
		if a.goodbye == nil {
			a.goodbye = &Error{Phase: e.phase, Response: r}
		}
	}
	a.link.lastWord = lastWordOf(e.phase, r)
	if !more && err == nil {
		a.replies++
	}
	return more, err
}

// onReset: a server that does not even take RSET is of no further use.
func (a *attempt) onReset(r response.Response) {
	if !r.Code.IsCompleted() {
		a.link.closing, a.resetReply = true, r
	}
}

func (a *attempt) onMail(r response.Response) error {
	switch {
	case r.Code.IsCompleted():
	case r.Code.Severity() == response.Intermediate:
		return unexpected(r)
	default:
		a.link.refusing = a.link.refusing || r.Code.IsTransient() && a.resetReply.IsZero()
		a.refuse(PhaseMail, r)
	}
	return nil
}

func (a *attempt) onRcpt(i int, r response.Response) error {
	v := &a.verdicts[i]
	switch {
	case r.Code.Severity() == response.Intermediate:
		return unexpected(r)
	case r.Code.IsCompleted():
		a.accepted++
		v.Response = r
	default:
		if a.accepted > 0 && a.refused == nil && r.TooManyRecipients() {
			a.overflow = append(a.overflow, i)
		}
		*v = RecipientResult{Outcome: refused, Response: r}
	}
	return nil
}

func (a *attempt) onData(r response.Response) error {
	switch {
	case r.Code == response.StartMailInput:
		a.dataAccepted = true
		a.link.body = a // a refusal may follow at once
	case r.Code.IsCompleted() || r.Code.Severity() == response.Intermediate:
		return unexpected(r)
	default:
		a.refuse(PhaseData, r)
	}
	return nil
}

// onChunk takes the reply to a chunk before the last. When it is a refusal, the rest of the content is
// of no use (RFC 3030 section 2).
func (a *attempt) onChunk(r response.Response) error {
	switch {
	case r.Code.IsCompleted():
	case r.Code.Severity() == response.Intermediate:
		return unexpected(r)
	default:
		a.refuse(PhaseBody, r)
		a.chunkRefused = true
		a.noteChunk(r)
	}
	return nil
}

// refuse notes the first refusal of a command that all recipients depend on.
func (a *attempt) refuse(phase Phase, r response.Response) {
	if a.refused == nil {
		a.refused = &Error{Phase: phase, Response: r}
	}
}

// onFinal takes the verdict on the content, in LMTP the next one (RFC 2033 section 4.2).
func (a *attempt) onFinal(r response.Response) (more bool, err error) {
	if r.Code.Severity() == response.Intermediate {
		return false, unexpected(r)
	}
	a.times[timeFinal] = a.link.last
	if a.accepted == 0 { // a lone dot, which does not count as content, or a BDAT without a recipient
		if r.Code.IsCompleted() && a.plan.form == formChunk {
			a.taken = r
			return false, unexpected(r)
		}
		return false, nil
	}
	a.noteChunk(r)
	heard := contentRefused
	if r.Code.IsCompleted() {
		heard, a.contentAccepted = contentTaken, true
	}
	for ; a.nextFinal < len(a.rcpt); a.nextFinal++ {
		v := &a.verdicts[a.rcpt[a.nextFinal]]
		if v.isRefused() {
			continue
		}
		*v = RecipientResult{Outcome: heard, Response: r}
		if a.lmtp && a.finalDue() {
			a.nextFinal++
			return true, nil
		}
	}
	return false, nil
}

// finalDue reports whether a recipient after the current one still waits for its verdict.
func (a *attempt) finalDue() bool {
	for _, i := range a.rcpt[a.nextFinal+1:] {
		if !a.verdicts[i].isRefused() {
			return true
		}
	}
	return false
}

// decidesNothing reports whether the reply to the end of the content is awaited for the sake of the
// connection only, because no recipient can get the mail.
func (a *attempt) decidesNothing() bool { return a.accepted == 0 }

// early takes a reply that comes while the content is still being written. The content will not be
// ended, so a refusal is final; anything else makes no sense (RFC 5321 section 3.3).
func (a *attempt) early(r response.Response) error {
	if !r.Code.IsTransient() && !r.Code.IsPermanent() {
		return unexpected(r)
	}
	a.refuse(PhaseBody, r)
	return &closedError{r}
}

// hopeless reports whether the server said something after which no content may follow: it refused RSET
// or MAIL, or said that it closes the connection. No reply is due.
func (a *attempt) hopeless() bool {
	return !a.resetReply.IsZero() || a.goodbye != nil || a.refused != nil
}

// unexpected is the error of a reply that no server may give at this point.
func unexpected(r response.Response) error {
	return &response.ProtocolError{Reason: "unexpected reply", Line: r.String()}
}

package client

import (
	"time"

	"github.com/depeche-mail/depeche/transport/smtp/response"
)

// attempt is one transaction on the wire: which replies have come, and what follows from them for
// each recipient. The owner of the Conn writes; the reader calls reply and early, with the link's
// lock held. What both touch is read by the owner with the lock held, or when no reply is due.
type attempt struct {
	link     *link
	plan     plan
	rcpt     []int     // the recipients of this transaction, as indexes into the envelope
	verdicts []Verdict // of the whole envelope

	reset        bool              // RSET goes first
	void         bool              // RSET was refused: nothing that follows decides
	closed       bool              // nothing more will be asked; the owner's
	asked        int               // commands, the end of the content among them; the owner's
	replies      int               // how many of them were answered
	accepted     int               // recipients that were accepted at RCPT
	go354        bool              // DATA was answered with 354
	clean        bool              // the server took the content, which ends the transaction
	end          int64             // where in the stream the content ends; 0 until its end is corked
	nextFinal    int               // position in rcpt of the recipient that the next verdict is for
	lmtp         bool              // one verdict per accepted recipient
	overflow     []int             // recipients that are too many for this transaction
	chunkRefused bool              // a chunk before the last was refused
	goodbye      response.Response // 421 to a command of this transaction
	lost         *Error            // the first refusal or fault
	times        [4]time.Time
}

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
	if r.Code == response.ServiceUnavailable {
		a.goodbye = r
	}
	if !more && err == nil {
		a.replies++
	}
	return more, err
}

// onReset: a server that does not even take RSET is of no further use. What it answers to the rest of
// the transaction is about the one before as much as about this one, so it decides nothing.
func (a *attempt) onReset(r response.Response) {
	if !r.Code.IsCompleted() {
		a.link.closing, a.void = true, true
		a.lose(PhaseReset, r)
	}
}

func (a *attempt) onMail(r response.Response) error {
	switch {
	case r.Code.IsCompleted(), a.void:
	case r.Code.Severity() == response.Intermediate:
		return unexpected(r)
	default:
		a.link.refusing = a.link.refusing || r.Code.IsTransient()
		a.lose(PhaseMail, r)
		for _, i := range a.rcpt {
			a.verdicts[i] = Verdict{Refused, r}
		}
	}
	return nil
}

func (a *attempt) onRcpt(i int, r response.Response) error {
	switch {
	case r.Code.Severity() == response.Intermediate:
		return unexpected(r)
	case a.verdicts[i].Fate == Refused: // MAIL was refused: this only follows from it
	case r.Code.IsCompleted():
		a.accepted++
		a.verdicts[i].Response = r
	case a.void:
	case a.accepted > 0 && r.TooManyRecipients():
		a.overflow = append(a.overflow, i)
		a.verdicts[i] = Verdict{Refused, r}
	default:
		a.lose(PhaseRcpt, r)
		a.verdicts[i] = Verdict{Refused, r}
	}
	return nil
}

func (a *attempt) onData(r response.Response) error {
	switch {
	case a.void:
	case r.Code == response.StartMailInput:
		a.go354 = true
		a.link.body = a // a refusal may follow at once
	case r.Code.IsCompleted() || r.Code.Severity() == response.Intermediate:
		return unexpected(r)
	default:
		a.refuseAccepted(PhaseData, r)
	}
	return nil
}

// onChunk takes the reply to a chunk before the last. When it is a refusal, the rest of the content is
// of no use (RFC 3030 section 2).
func (a *attempt) onChunk(r response.Response) error {
	if r.Code.IsCompleted() {
		return nil
	}
	if r.Code.Severity() == response.Intermediate {
		return unexpected(r)
	}
	if !a.chunkRefused {
		a.refuseAccepted(PhaseBody, r)
	}
	a.chunkRefused = true
	return nil
}

// onFinal takes the verdict on the content, in LMTP the next one (RFC 2033 section 4.2).
func (a *attempt) onFinal(r response.Response) (more bool, err error) {
	if r.Code.Severity() == response.Intermediate {
		return false, unexpected(r)
	}
	a.times[timeFinal] = a.link.last
	if a.accepted == 0 { // a lone dot or a refused BDAT: nobody was to get it
		if r.Code.IsCompleted() && a.plan.form == formChunk {
			return false, unexpected(r)
		}
		return false, nil
	}
	fate := Refused
	switch {
	case a.void && r.Code.IsCompleted(): // it took something, and nobody knows from whom
		fate = Unknown
	case a.void:
		return false, nil
	case r.Code.IsCompleted():
		fate = Accepted
		a.clean = true
	default:
		a.lose(PhaseFinal, r)
	}
	for ; a.nextFinal < len(a.rcpt); a.nextFinal++ {
		v := &a.verdicts[a.rcpt[a.nextFinal]]
		if v.Fate == Refused {
			continue
		}
		*v = Verdict{fate, r}
		if a.lmtp && a.finalDue() {
			a.nextFinal++
			return true, nil
		}
	}
	return false, nil
}

// finalDue reports whether a recipient behind the current one still waits for its verdict.
func (a *attempt) finalDue() bool {
	for _, i := range a.rcpt[a.nextFinal+1:] {
		if a.verdicts[i].Fate != Refused {
			return true
		}
	}
	return false
}

// early takes a reply that comes while the content is still being written. The content will not be
// ended, so a refusal is final; anything else makes no sense (RFC 5321 section 3.3).
func (a *attempt) early(r response.Response) error {
	if !r.Code.IsTransient() && !r.Code.IsPermanent() {
		return unexpected(r)
	}
	a.refuseAccepted(PhaseBody, r)
	return &closedError{r}
}

func (a *attempt) refuseAccepted(phase Phase, r response.Response) {
	a.lose(phase, r)
	for _, i := range a.rcpt {
		if a.verdicts[i].Fate != Refused {
			a.verdicts[i] = Verdict{Refused, r}
		}
	}
}

// lose notes where the first recipient was lost.
func (a *attempt) lose(phase Phase, r response.Response) {
	if a.lost == nil {
		a.lost = &Error{Phase: phase, Response: r}
	}
}

// settle gives a fate to the recipients that have no verdict when the link broke after sent octets:
// Unknown when the whole content was among them. A server that said 421 before the verdict did not
// take what followed, so that is certain.
func (a *attempt) settle(sent int64, phase Phase, cause error) {
	fate := Verdict{Fate: NotSent}
	switch {
	case !a.goodbye.IsZero():
		fate = Verdict{Refused, a.goodbye}
	case a.end > 0 && sent >= a.end && !a.link.closing:
		fate, phase = Verdict{Fate: Unknown}, PhaseFinal
	}
	for _, i := range a.rcpt {
		v := &a.verdicts[i]
		if v.Fate == Accepted || v.Fate == Refused {
			continue
		}
		*v = fate
		if a.lost == nil {
			a.lost = &Error{Phase: phase}
		}
		if a.lost.Err == nil {
			a.lost.Err = cause
		}
	}
}

// unexpected is the error of a reply that no server may give at this point.
func unexpected(r response.Response) error {
	return &response.ProtocolError{Reason: "unexpected reply", Line: r.String()}
}

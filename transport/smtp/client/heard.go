package client

import (
	"github.com/depeche-mail/depeche/transport/smtp/response"
)

// heard is what a server has said to the commands of one transaction. Both goroutines of a wire use it, with its
// lock held; what it needs to know of the transaction itself is set before the first command is written.
type heard struct {
	mail            Mail
	rcpt            []int // the recipients of this transaction, as indexes into the envelope
	lmtp            bool  // one verdict per accepted recipient
	chunks          bool  // BDAT follows unanswered commands
	chunked         bool  // the content goes by BDAT
	dataAccepted    bool  // DATA was answered with 354
	written         bool  // the end of the content was given to the connection
	quit            bool  // QUIT follows the content
	ahead           bool  // its commands travel with the content of the mail before
	contentAccepted bool  // the server took the content, which ends the transaction
	chunkRefused    bool  // a chunk before the last was refused
	swallows        bool  // BDAT was refused by a server that swallows its octets
	contradicted    bool  // a command after the refused one was accepted all the same

	results    []RecipientResult  // of the whole envelope; assignOutcomes makes outcomes of what was heard
	texts      *replyTexts        // of the mail, all transactions together
	replies    int                // commands that were answered
	accepted   int                // recipients that were accepted at RCPT
	errors     int                // commands that were refused
	nextFinal  int                // position in rcpt of the recipient that the next verdict is for
	final      instant            // when the last verdict came
	overflow   []int              // recipients that are too many for this transaction
	refused    *Error             // the first refusal of MAIL, DATA, a chunk or an unfinished content
	reply421   *Error             // 421 or 221 to a command
	resetReply *response.Response // of an RSET that was refused
	taken      *response.Response // 2yz to a content although no recipient was accepted
	// chunkUnknown is the refusal of BDAT as a command.
	chunkUnknown *response.Response
}

// What a verdict holds between the reply to the content and the end of the transaction.
const (
	contentTaken   = Unknown + 1 + iota // 2yz to the content
	contentRefused                      // 4yz or 5yz to the content
)

// reply takes the reply to one command of the transaction.
func (h *heard) reply(in *receiver, e expectation, r response.Response) (more bool, err error) {
	if positive := r.Code.IsCompleted() || r.Code.Severity() == response.Intermediate; positive && e.step != stepFinal {
		h.contradicted = h.contradicted || h.refused != nil
	}
	if r.Code.IsTransient() || r.Code.IsPermanent() {
		h.errors++
	}
	switch e.step {
	case stepReset:
		h.onReset(in, r)
	case stepMail:
		err = h.onMail(in, r)
	case stepRcpt:
		err = h.onRcpt(int(e.index), r)
	case stepData:
		err = h.onData(in, r)
	case stepBody:
		err = h.onChunk(in, r)
	case stepFinal:
		more, err = h.onFinal(in, r)
	}
	if r.Code == response.ServiceUnavailable || r.Code == response.Closing {
		in.closing = true
		if h.reply421 == nil {
			h.reply421 = &Error{Phase: e.step.phase(), Response: r}
		}
	}
	in.lastWord = lastWordOf(e.step, r)
	if !more && err == nil {
		h.replies++
	}
	return more, err
}

// onReset: a server that does not even take RSET is of no further use, unless it refuses every command that comes too early.
func (h *heard) onReset(in *receiver, r response.Response) {
	about := h.noteAhead(in, r)
	if !r.Code.IsCompleted() {
		in.closing, h.resetReply = in.closing || !about, new(r)
	}
}

func (h *heard) onMail(in *receiver, r response.Response) error {
	switch {
	case r.Code.IsCompleted():
	case r.Code.Severity() == response.Intermediate:
		return unexpected(r)
	default:
		in.refusing = in.refusing || r.Code.IsTransient() && h.resetReply == nil
		h.refuse(PhaseMail, r)
	}
	return nil
}

func (h *heard) onRcpt(i int, r response.Response) error {
	v := &h.results[i]
	switch {
	case r.Code.Severity() == response.Intermediate:
		return unexpected(r)
	case r.Code.IsCompleted():
		h.accepted++
		v.Response = h.texts.keep(r)
	default:
		if h.accepted > 0 && h.refused == nil && r.TooManyRecipients() {
			h.overflow = append(h.overflow, i)
		}
		*v = RecipientResult{Outcome: refused, Response: h.texts.keep(r)}
	}
	return nil
}

func (h *heard) onData(in *receiver, r response.Response) error {
	switch {
	case r.Code == response.StartMailInput:
		h.dataAccepted = true
		in.bodyBegins(h, in.left) // a refusal may follow at once
	case r.Code.IsCompleted() || r.Code.Severity() == response.Intermediate:
		return unexpected(r)
	default:
		h.refuse(PhaseData, r)
	}
	return nil
}

// onChunk takes the reply to a chunk before the last. When it is a refusal, the rest of the content is
// of no use (RFC 3030 section 2).
func (h *heard) onChunk(in *receiver, r response.Response) error {
	switch {
	case r.Code.IsCompleted():
	case r.Code.Severity() == response.Intermediate:
		return unexpected(r)
	default:
		h.refuse(PhaseBody, r)
		h.chunkRefused = true
		h.noteChunk(in, r)
	}
	return nil
}

// refuse notes the first refusal of a command that all recipients depend on.
func (h *heard) refuse(phase Phase, r response.Response) {
	if h.refused == nil {
		h.refused = &Error{Phase: phase, Response: r}
	}
}

// onFinal takes the verdict on the content, in LMTP the next one (RFC 2033 section 4.2).
func (h *heard) onFinal(in *receiver, r response.Response) (more bool, err error) {
	if r.Code.Severity() == response.Intermediate || h.quit && r.Code == response.Closing { // 221 answers QUIT
		return false, unexpected(r)
	}
	h.final = in.last
	if h.accepted == 0 { // a lone dot, which does not count as content, or a BDAT without a recipient
		if r.Code.IsCompleted() && h.chunks {
			h.taken = new(r)
			return false, unexpected(r)
		}
		return false, nil
	}
	h.noteChunk(in, r)
	verdict := contentRefused
	if r.Code.IsCompleted() {
		verdict, h.contentAccepted = contentTaken, true
	}
	for ; h.nextFinal < len(h.rcpt); h.nextFinal++ {
		v := &h.results[h.rcpt[h.nextFinal]]
		if v.isRefused() {
			continue
		}
		*v = RecipientResult{Outcome: verdict, Response: r} // in SMTP all share one text
		if h.lmtp {
			v.Response = h.texts.keep(r)
		}
		if h.lmtp && h.finalDue() {
			h.nextFinal++
			return true, nil
		}
	}
	return false, nil
}

// finalDue reports whether a recipient after the current one still waits for its verdict.
func (h *heard) finalDue() bool {
	for _, i := range h.rcpt[h.nextFinal+1:] {
		if !h.results[i].isRefused() {
			return true
		}
	}
	return false
}

// decidesNothing reports whether the reply to the end of the content is awaited for the sake of the
// connection only, because no recipient can get the mail.
func (h *heard) decidesNothing() bool { return h.accepted == 0 }

// early takes a reply that comes while the content is still being written. The content will not be
// ended, so a refusal is final; anything else makes no sense (RFC 5321 section 3.3).
func (h *heard) early(r response.Response) error {
	if !r.Code.IsTransient() && !r.Code.IsPermanent() {
		return unexpected(r)
	}
	h.refuse(PhaseBody, r)
	return &closedError{r}
}

// hopeless reports whether the server said something after which no content may follow: it refused RSET
// or MAIL, or said that it closes the connection. No reply is due.
func (h *heard) hopeless() bool {
	return h.resetReply != nil || h.reply421 != nil || h.refused != nil
}

// unexpected is the error of a reply that no server may give at this point.
func unexpected(r response.Response) error {
	return &response.ProtocolError{Reason: "unexpected reply", Line: r.String()}
}

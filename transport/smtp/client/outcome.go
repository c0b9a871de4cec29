package client

import (
	"errors"

	"github.com/depeche-mail/depeche/transport/smtp/response"
)

// lastWord is what the last reply on a connection says about commands that have left and have no reply.
type lastWord uint8

const (
	// lastNothing: commands may still be carried out.
	lastNothing lastWord = iota
	// lastClosed is 421 to RSET or MAIL: the server closes and carries out nothing more (RFC 5321
	// section 3.8).
	lastClosed
	// lastClosing is 421 to RCPT or DATA, or RSET refused. Some servers go on after it (Exim 4.98 with
	// "defer message = 421" in an ACL), so only the end of the stream proves that they did not.
	lastClosing
)

// lastWordOf classifies the reply to a command of a transaction.
func lastWordOf(phase Phase, r response.Response) lastWord {
	closes := r.Code == response.ServiceUnavailable
	switch {
	case closes && (phase == PhaseReset || phase == PhaseMail):
		return lastClosed
	case closes && (phase == PhaseRcpt || phase == PhaseData), phase == PhaseReset && !r.Code.IsCompleted():
		return lastClosing
	}
	return lastNothing
}

// answer is what a server said to a command, as far as it matters for an outcome.
type answer uint8

const (
	answerNone answer = iota // no reply came
	answerYes                // 2yz or 3yz
	answerNo                 // 4yz or 5yz
)

// evidence is all that decides what became of one recipient.
type evidence struct {
	resetRefused  bool     // RSET before the transaction was refused: replies may belong to an older one
	refused       answer   // answerNo: MAIL, DATA or BDAT was refused; answerYes: and a later command was accepted
	rcpt          answer   // to RCPT of this recipient
	anyAccepted   bool     // some recipient of the transaction was accepted
	content       answer   // the verdict on the content for this recipient
	chunkUnknown  bool     // BDAT was refused as a command that the server does not know or cannot do
	swallows      bool     // the server has shown that it swallows the octets of a chunk that it refuses
	ended         bool     // the end of the content was written
	last          lastWord // on the connection, when that has ended
	endedInOrder  bool     // the server ended the stream by FIN or close_notify, after a whole reply
	repliesBefore bool     // a reply before the verdict was still due when the stream ended
}

// basis is the reply that an outcome rests on.
type basis uint8

const (
	basisNone    basis = iota
	basisRcpt          // the reply to RCPT of the recipient
	basisRefusal       // the refusal of MAIL, DATA or BDAT
	basisContent       // the verdict on the content
)

// outcome is the certainty rule. Accepted needs a 2yz to the content. NotSent and a refusal need proof that
// the server did not take it: the end of the content was not written, or the recipient, the transaction
// or the content was refused, or the server said that it closes and then did. All else is Unknown.
func (e evidence) outcome() (Outcome, basis) {
	fate, on := e.heard()
	if fate == refused && e.resetRefused { // it may be the older transaction that was refused
		return NotSent, basisNone
	}
	return fate, on
}

// heard is outcome for a server that took RSET.
func (e evidence) heard() (Outcome, basis) {
	refusalStands := e.content != answerYes && (e.refused == answerNo || e.refused == answerYes && (!e.ended || e.content == answerNo))
	switch {
	case e.content == answerYes && !e.anyAccepted: // it took a content for recipients that it had refused
		return Unknown, basisContent
	case e.rcpt == answerNo:
		return refused, basisRcpt
	case e.chunkUnknown && (e.swallows || !e.ended): // it is about the command, not about the mail
		return NotSent, basisNone
	case e.chunkUnknown: // the server may have run the octets as commands
		return Unknown, basisNone
	case refusalStands:
		return refused, basisRefusal
	case e.content == answerYes && (e.resetRefused || e.refused != answerNone): // taken, from a sender not known
		return Unknown, basisContent
	case e.content == answerYes:
		return Accepted, basisContent
	case e.content == answerNo:
		return refused, basisContent
	case !e.ended,
		e.last == lastClosed,
		e.last == lastClosing && e.endedInOrder && e.repliesBefore:
		return NotSent, basisNone
	}
	return Unknown, basisNone
}

// settle gives every recipient of a transaction its outcome, and notes what stopped those who did not get
// the mail. No reply reaches the attempt any more; the lock is held.
func (a *attempt) settle() {
	a.judgeChunk()
	stale := true
	for _, i := range a.rcpt {
		v := &a.verdicts[i]
		fate, on := a.evidence(v).outcome()
		phase, reply := a.replyOf(on, v)
		*v = RecipientResult{Outcome: fate, Response: reply, Phase: phase, Shared: a.isShared(on, phase)}
		switch fate {
		case Accepted:
			stale = false
		case refused:
			v.Outcome = refusalOf(reply)
			tooMany := phase == PhaseRcpt && a.accepted > 0 && reply.TooManyRecipients()
			if a.refusal == nil && !tooMany {
				a.refusal = &Error{Phase: phase, Response: reply}
			}
			stale = stale && a.isLastWord(phase, reply)
		case Unknown:
			stale = false
			a.stoppedIn(PhaseFinal, v)
		case NotSent:
			a.stoppedIn(a.phase(), v)
		}
	}
	a.learn()
	a.stale = stale && (a.stop == nil || a.stop.Phase != PhaseMessage && !errors.As(a.stop.Err, new(*contentError))) &&
		!errors.As(a.link.err, new(*endingError))
	if a.stale && a.refusal != nil { // the server spoke of the connection, which is not used again
		a.link.closing = true
	}
}

// evidence collects what was heard about a recipient.
func (a *attempt) evidence(v *RecipientResult) evidence {
	e := evidence{
		resetRefused:  !a.resetReply.IsZero(),
		anyAccepted:   a.accepted > 0,
		ended:         a.end > 0 && a.link.sent >= a.end,
		last:          a.link.lastWord,
		endedInOrder:  a.link.endedInOrder,
		repliesBefore: a.replies < a.asked-1,
		swallows:      a.swallows,
		chunkUnknown:  !a.chunkRefusal().IsZero(),
	}
	switch {
	case a.refused == nil:
	case a.contradicted:
		e.refused = answerYes
	default:
		e.refused = answerNo
	}
	switch {
	case v.isRefused():
		e.rcpt = answerNo
	case !v.Response.IsZero():
		e.rcpt = answerYes
	}
	switch {
	case v.Outcome == contentTaken, !a.taken.IsZero():
		e.content = answerYes
	case v.Outcome == contentRefused:
		e.content = answerNo
	}
	return e
}

// replyOf returns the reply that an outcome rests on, and the phase that it belongs to.
func (a *attempt) replyOf(on basis, v *RecipientResult) (Phase, response.Response) {
	switch on {
	case basisRefusal:
		return a.refused.Phase, a.refused.Response
	case basisRcpt:
		if a.refused != nil && a.refused.Phase == PhaseMail && !a.contradicted { // that only follows from it
			return PhaseMail, a.refused.Response
		}
		return PhaseRcpt, v.Response
	case basisContent:
		if !a.taken.IsZero() {
			return PhaseFinal, a.taken
		}
		return PhaseFinal, v.Response
	case basisNone:
	}
	return a.phase(), response.Response{}
}

// isShared reports whether the reply that an outcome rests on answers for other recipients too.
func (a *attempt) isShared(on basis, phase Phase) bool {
	switch on {
	case basisRefusal:
		return len(a.rcpt) > 1
	case basisContent:
		return a.accepted > 1 && !a.lmtp
	case basisRcpt:
		return phase == PhaseMail && len(a.rcpt) > 1
	case basisNone:
	}
	return false
}

// phase is the step that was waited for: that of the first command without a reply, or the writing of the content.
func (a *attempt) phase() Phase {
	step := a.replies
	if a.reset {
		step--
	}
	switch {
	case step < 0:
		return PhaseReset
	case step == 0:
		return PhaseMail
	case step <= len(a.rcpt):
		return PhaseRcpt
	case step == len(a.rcpt)+1 && a.plan.form != formChunk && !a.dataAccepted:
		return PhaseData
	}
	return PhaseBody
}

// stoppedIn notes what stopped the recipients who are NotSent or Unknown. What was said about others is
// not part of it.
func (a *attempt) stoppedIn(phase Phase, v *RecipientResult) {
	if a.stop != nil {
		return
	}
	cause := a.link.err
	switch {
	case phase == PhaseFinal && !v.Response.IsZero(): // 2yz, and yet not accepted
		reason := "the server took the content of a mail that it had refused"
		a.stop = &Error{Phase: phase, Err: &response.ProtocolError{Reason: reason, Line: v.Response.String()}}
		a.link.closing = true
	case !a.chunkRefusal().IsZero():
		a.stop = &Error{Phase: phase, Response: a.chunkRefusal(), Err: cause}
	case !a.resetReply.IsZero():
		a.stop = &Error{Phase: PhaseReset, Response: a.resetReply, Err: cause}
	case a.goodbye != nil && phase != PhaseFinal:
		a.stop = &Error{Phase: a.goodbye.Phase, Response: a.goodbye.Response, Err: cause}
	case cause != nil:
		a.stop = &Error{Phase: phase, Err: cause}
	}
}

// isLastWord reports whether a refusal says that the connection was at its end, and nothing about the
// mail: 421 to RSET or MAIL, a refusal for now with the end of the stream already there, or 4.4.2 (bad
// connection, RFC 3463 section 3.5), which Amazon SES and Gmail say to a connection that was idle.
func (a *attempt) isLastWord(phase Phase, r response.Response) bool {
	badConnection := r.Enhanced == response.Enhanced{Class: 4, Subject: 4, Detail: 2}
	switch phase {
	case PhaseReset, PhaseMail:
		return r.Code == response.ServiceUnavailable || r.Code.IsTransient() && (badConnection || a.link.endVisible())
	case PhaseRcpt, PhaseData:
		return r.Code.IsTransient() && (badConnection || a.link.endVisible())
	case PhaseFinal:
		return a.idle && r.Code.IsTransient() && badConnection
	}
	return false
}

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
func lastWordOf(s step, r response.Response) lastWord {
	closes := r.Code == response.ServiceUnavailable
	switch {
	case closes && (s == stepReset || s == stepMail):
		return lastClosed
	case closes && (s == stepRcpt || s == stepData), s == stepReset && !r.Code.IsCompleted():
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

// endedTxn is a transaction that has ended: all that was said and heard. No reply reaches it any more.
type endedTxn struct {
	*heard

	tx    *txn
	in    *receiver
	ended bool // the end of the content was written
}

// assignOutcomes gives every recipient of a transaction its outcome, and notes what stopped those who did not get
// the mail.
func (tx *txn) assignOutcomes(in *receiver) {
	h := tx.heard(in)
	tx.delivered, tx.accepted, tx.overflow, tx.times[timeFinal] = h.contentAccepted, h.accepted, h.overflow, h.final
	endedTxn{h, tx, in, tx.end > 0 && tx.wire.sent >= tx.end}.assignOutcomes()
}

func (s endedTxn) assignOutcomes() {
	tx := s.tx
	s.judgeChunk()
	stale := true
	for _, i := range tx.rcpt {
		v := &s.results[i]
		fate, on := s.evidence(v).outcome()
		phase, reply := s.replyOf(on, v)
		*v = RecipientResult{Outcome: fate, Response: reply, Phase: phase, Shared: s.isShared(on, phase)}
		switch fate {
		case Accepted:
			stale = false
		case refused:
			v.Outcome = refusalOf(reply)
			tooMany := phase == PhaseRcpt && s.accepted > 0 && reply.TooManyRecipients()
			if tx.refusal == nil && !tooMany {
				tx.refusal = &Error{Phase: phase, Response: reply}
			}
			stale = stale && s.isLastWord(phase, reply)
		case Unknown:
			stale = false
			s.stoppedIn(PhaseFinal, v)
		case NotSent:
			s.stoppedIn(s.phase(), v)
		}
	}
	s.learn()
	tx.stale = stale && (tx.stop == nil || tx.stop.Phase != PhaseMessage && !errors.As(tx.stop.Err, new(*contentError))) &&
		!errors.As(s.in.err, new(*endingError))
	if tx.stale && tx.refusal != nil { // the server spoke of the connection, which is not used again
		s.in.closing = true
	}
}

// evidence collects what was heard about a recipient.
func (s endedTxn) evidence(v *RecipientResult) evidence {
	e := evidence{
		resetRefused:  s.resetReply != nil,
		anyAccepted:   s.accepted > 0,
		ended:         s.ended,
		last:          s.in.lastWord,
		endedInOrder:  s.in.endedInOrder,
		repliesBefore: s.replies < s.tx.asked-1,
		swallows:      s.swallows,
		chunkUnknown:  s.chunkRefusal() != nil,
	}
	switch {
	case s.refused == nil:
	case s.contradicted:
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
	case v.Outcome == contentTaken, s.taken != nil:
		e.content = answerYes
	case v.Outcome == contentRefused:
		e.content = answerNo
	}
	return e
}

// replyOf returns the reply that an outcome rests on, and the phase that it belongs to.
func (s endedTxn) replyOf(on basis, v *RecipientResult) (Phase, response.Response) {
	switch on {
	case basisRefusal:
		return s.refused.Phase, s.refused.Response
	case basisRcpt:
		if s.refused != nil && s.refused.Phase == PhaseMail && !s.contradicted { // that only follows from it
			return PhaseMail, s.refused.Response
		}
		return PhaseRcpt, v.Response
	case basisContent:
		if s.taken != nil {
			return PhaseFinal, *s.taken
		}
		return PhaseFinal, v.Response
	case basisNone:
	}
	return s.phase(), response.Response{}
}

// isShared reports whether the reply that an outcome rests on answers for other recipients too.
func (s endedTxn) isShared(on basis, phase Phase) bool {
	switch on {
	case basisRefusal:
		return len(s.tx.rcpt) > 1
	case basisContent:
		return s.accepted > 1 && !s.lmtp
	case basisRcpt:
		return phase == PhaseMail && len(s.tx.rcpt) > 1
	case basisNone:
	}
	return false
}

// phase is the step that was waited for: that of the first command without a reply, or the writing of the content.
func (s endedTxn) phase() Phase {
	step := s.replies
	if s.tx.reset {
		step--
	}
	switch {
	case step < 0:
		return PhaseReset
	case step == 0:
		return PhaseMail
	case step <= len(s.tx.rcpt):
		return PhaseRcpt
	case step == len(s.tx.rcpt)+1 && s.tx.plan.form != formChunk && !s.dataAccepted:
		return PhaseData
	}
	return PhaseBody
}

// stoppedIn notes what stopped the recipients who are NotSent or Unknown. What was said about others is
// not part of it.
func (s endedTxn) stoppedIn(phase Phase, v *RecipientResult) {
	if s.tx.stop != nil {
		return
	}
	cause := s.in.err
	switch {
	case phase == PhaseFinal && !v.Response.IsZero(): // 2yz, and yet not accepted
		reason := "the server took the content of a mail that it had refused"
		s.tx.stop = &Error{Phase: phase, Err: &response.ProtocolError{Reason: reason, Line: v.Response.String()}}
		s.in.closing = true
	case s.chunkRefusal() != nil:
		s.tx.stop = &Error{Phase: phase, Response: *s.chunkRefusal(), Err: cause}
	case s.resetReply != nil:
		s.tx.stop = &Error{Phase: PhaseReset, Response: *s.resetReply, Err: cause}
	case s.reply421 != nil && phase != PhaseFinal:
		s.tx.stop = &Error{Phase: s.reply421.Phase, Response: s.reply421.Response, Err: cause}
	case cause != nil:
		s.tx.stop = &Error{Phase: phase, Err: cause}
	}
}

// isLastWord reports whether a refusal says that the connection was at its end, and nothing about the
// mail: 421 and its like to RSET or MAIL, a refusal for now with the end of the stream already there, or 4.4.2 (bad
// connection, RFC 3463 section 3.5), which Amazon SES and Gmail say to a connection that was idle.
func (s endedTxn) isLastWord(phase Phase, r response.Response) bool {
	badConnection := r.Enhanced == response.Enhanced{Class: 4, Subject: 4, Detail: 2}
	ended := s.tx.goodbye == nil && s.in.endVisible() // after QUIT the end of the stream says nothing
	switch phase {
	case PhaseReset, PhaseMail:
		return r.AboutLoad() || r.Code.IsTransient() && (badConnection || ended)
	case PhaseRcpt, PhaseData:
		return r.Code.IsTransient() && (badConnection || ended)
	case PhaseFinal:
		return s.tx.idle && r.Code.IsTransient() && badConnection
	}
	return false
}

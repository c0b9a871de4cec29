package ledger

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/policy"
)

// sending is a mail on its way through [Once].
type sending struct {
	mail   transport.Mail
	key    string
	grants []Grant // for each recipient
	to     []int   // those that may be sent to, by their position
	out    transport.Mail
	ctx    context.Context // of the call that sends it, for what WriteTo does

	leaving atomic.Bool           // the ledger knows that the content is about to leave
	held    atomic.Pointer[error] // what the ledger said last about that
	ended   bool
	result  *transport.Result
	failed  *transport.SendError // of what was sent now
	cause   error                // of what was not
	phase   transport.Phase      // of cause
}

// check finds the key of the mail.
func (s *sending) check() error {
	if err := envelope.Check(s.mail); err != nil {
		return err
	}
	s.key = transport.KeyOf(s.mail)
	if s.key == "" && transport.MessageIDGiven(s.mail) {
		s.key = transport.MessageID(s.mail)
	}
	return CheckKey(s.key)
}

// fail ends the mail before anything was sent.
func (s *sending) fail(phase transport.Phase, cause error) {
	if s.result == nil {
		s.result = transport.NewResult(s.mail.Envelope(), transport.NotSent, transport.Reply{})
		s.identify()
	}
	s.ended, s.phase, s.cause = true, phase, cause
}

func (s *sending) identify() {
	s.result.Identify(s.mail)
	if s.result.Key == "" {
		s.result.Key = s.key
	}
}

// take looks at the grants. It returns those that are given back because nothing is sent.
func (s *sending) take(ctx context.Context, via transport.Endings) (back []Ended) {
	s.result = transport.NewResult(s.mail.Envelope(), transport.NotSent, transport.Reply{})
	s.identify()
	for i := range s.grants {
		switch g := &s.grants[i]; g.Answer {
		case Send:
			s.to = append(s.to, i)
		case Replay:
			s.replay(i, g.Fate)
		case Reused:
			s.phase, s.cause = transport.PhaseMessage, ErrKeyReused
		case Busy:
			s.note(transport.PhaseWait, ErrBusy)
		}
	}
	if errors.Is(s.cause, ErrKeyReused) { // a mistake: this mail goes to no recipient
		back = s.fates(func(int) Fate { return Fate{} })
		s.to = nil
	}
	if len(s.to) == 0 {
		s.ended = true
		return back
	}
	out, err := transport.ForRecipients(s.mail, s.to)
	if err != nil {
		back = s.fates(func(int) Fate { return Fate{} })
		s.fail(transport.PhaseMessage, err)
		return back
	}
	s.out = transport.WithEnding(out, via, s)
	s.ctx = ctx
	return nil
}

// note keeps the first cause.
func (s *sending) note(phase transport.Phase, cause error) {
	if s.cause == nil {
		s.phase, s.cause = phase, cause
	}
}

// replay enters the outcome of an earlier send.
func (s *sending) replay(i int, fate Fate) {
	r := &s.result.Recipients[i]
	r.Outcome, r.Reply, r.Fault, r.Relay, r.Replayed = fate.Outcome, fate.Reply, fate.Fault, fate.Relay, true
	if s.result.QueueID == "" {
		s.result.QueueID = fate.QueueID
	}
	if fate.MessageID != "" {
		s.result.MessageID = fate.MessageID
	}
	if s.result.Relay == "" {
		s.result.Relay = fate.Relay
	}
	if fate.Outcome == transport.Unknown {
		s.note(transport.PhaseFinal, ErrUnresolved)
	}
}

// judge makes sure of what the transport below returned: when it does not fit the mail, all that is known
// is whether the content may have left.
func (s *sending) judge(result *transport.Result, err error) *transport.Result {
	env := s.out.Envelope()
	fits := result != nil && len(result.Recipients) == env.Len() && (err == nil) == result.AllAccepted()
	for i := 0; fits && i < env.Len(); i++ {
		fits = result.Recipients[i].Address == env.At(i).Address && result.Recipients[i].Outcome <= transport.Unknown
	}
	if !fits {
		result = s.abandoned()
		err = &transport.SendError{Result: result, Phase: transport.PhaseFinal, Err: errors.Join(policy.ErrContract, err)}
	}
	switch {
	case err == nil:
	case !errors.As(err, &s.failed):
		s.failed = &transport.SendError{Result: result, Err: err}
	case error(s.failed) != err: //nolint:errorlint // a step has added words around it
		s.failed = &transport.SendError{Result: result, Phase: s.failed.Phase, Reply: s.failed.Reply, Err: err}
	}
	if held := s.held.Load(); err != nil && held != nil && *held != nil {
		s.failed = &transport.SendError{Result: result, Phase: s.failed.Phase, Reply: s.failed.Reply, Err: &heldError{*held, s.failed.Err}}
	}
	return result
}

// heldError is what the transport below says of a mail that the ledger did not let go. Whether that may pass the ledger
// knows: below it is an error of the mail.
type heldError struct{ cause, err error }

func (e *heldError) Error() string {
	if e.err == nil {
		return e.cause.Error()
	}
	return e.err.Error()
}

func (e *heldError) Unwrap() []error { return []error{e.cause, e.err} }

// abandoned is what is known of a mail that came back without a result.
func (s *sending) abandoned() *transport.Result {
	outcome := transport.NotSent
	if s.leaving.Load() {
		outcome = transport.Unknown
	}
	return transport.NewResult(s.out.Envelope(), outcome, transport.Reply{})
}

// enter enters what became of the mail below, and returns it in the words of the ledger.
func (s *sending) enter(sent *transport.Result) []Ended {
	s.ended = true
	id := transport.MessageID(s.mail)
	phase := transport.PhaseFinal
	if s.failed != nil {
		phase = s.failed.Phase
	}
	ends := s.fates(func(k int) Fate {
		r := &sent.Recipients[k]
		return Fate{
			Outcome: r.Outcome, Reply: r.Reply, Fault: r.Fault, Phase: phase, Relay: relayOf(r, sent), QueueID: sent.QueueID, MessageID: id,
		}
	})
	s.result.Timing = sent.Timing
	if sent.Relay != "" {
		s.result.Relay = sent.Relay
	}
	if sent.QueueID != "" {
		s.result.QueueID = sent.QueueID
	}
	s.result.MessageID = id
	for k, i := range s.to {
		r := sent.Recipients[k]
		r.Relay = relayOf(&r, sent)
		if s.grants[i].Doubt && r.Outcome != transport.Accepted {
			r.Outcome = transport.Unknown
			s.note(transport.PhaseFinal, ErrUnresolved)
		}
		s.result.Recipients[i] = r
	}
	return ends
}

func relayOf(r *transport.RecipientResult, in *transport.Result) string {
	if r.Relay != "" {
		return r.Relay
	}
	return in.Relay
}

// fates returns the ends of the grants that permitted to send, by their number among them.
func (s *sending) fates(of func(k int) Fate) []Ended {
	ends := make([]Ended, len(s.to))
	for k, i := range s.to {
		ends[k] = Ended{Grant: s.grants[i], Fate: of(k)}
	}
	return ends
}

// end returns the result as Send does.
func (s *sending) end() (*transport.Result, error) {
	if len(s.result.Recipients) > 0 && s.result.AllAccepted() {
		return s.result, nil
	}
	failed := &transport.SendError{Result: s.result, Phase: s.phase, Err: s.cause}
	switch {
	case s.failed != nil:
		failed.Phase, failed.Reply, failed.Err = s.failed.Phase, s.failed.Reply, s.failed.Err
		if s.cause != nil {
			failed.Err = errors.Join(s.failed.Err, s.cause)
		}
	case s.cause == nil: // refused in an earlier send
		for i := range s.result.Recipients {
			if r := &s.result.Recipients[i]; r.Outcome != transport.Accepted {
				failed.Reply, failed.Phase = r.Reply, s.grants[i].Fate.Phase
				break
			}
		}
	}
	return s.result, failed
}

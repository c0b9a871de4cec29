package policy

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/depeche-mail/depeche/transport"
)

// attempts adds up what became of a mail that is sent in several attempts, each to some of its
// recipients.
type attempts struct {
	mail     transport.Mail
	size     int // recipients
	result   *transport.Result
	failures []*transport.SendError // of attempts that lost a recipient, in their order
	only     *attempt               // the only attempt so far, if it was one to all recipients
	last     *attempt               // the attempt before, nil when there was none
	lastTo   []int                  // its recipients, by their position in the envelope
	apart    []int                  // recipients with an attempt of their own to come; see cutShort
}

func newAttempts(mail transport.Mail) *attempts {
	return &attempts{mail: mail, size: mail.Envelope().Len()}
}

// all returns the positions of all recipients.
func (a *attempts) all() []int {
	positions := make([]int, a.size)
	for i := range positions {
		positions[i] = i
	}
	return positions
}

// resendable returns the recipients of the attempt before that may be sent again and that want picks. Those who
// cut it short for others are left out of the list and added to apart.
func (a *attempts) resendable(want func(*transport.RecipientResult) bool) (list []int) {
	picked := a.last.resendable(want)
	cut := a.last.cutShort()
	for _, i := range picked {
		position := a.lastTo[i]
		if cut && a.last.result.Recipients[i].Outcome == transport.Deferred {
			a.apart = append(a.apart, position)
			continue
		}
		list = append(list, position)
	}
	return list
}

// toSendAgain is resendable with those who were kept apart before, unless this attempt is for others who suffer from
// them.
func (a *attempts) toSendAgain(want func(*transport.RecipientResult) bool) []int {
	waiting := a.takeApart()
	to := a.resendable(want)
	if len(a.apart) > 0 {
		a.apart = append(a.apart, waiting...)
		return to
	}
	to = append(to, waiting...)
	slices.Sort(to)
	return to
}

// lastFailure returns the error of the last attempt that lost a recipient.
func (a *attempts) lastFailure() *transport.SendError { return a.failures[len(a.failures)-1] }

// retryAfter returns the longest wait that a relay asked for in the attempt before, of the recipients at these
// positions.
func (a *attempts) retryAfter(positions []int) (wait time.Duration) {
	for i, position := range a.lastTo {
		if slices.Contains(positions, position) {
			wait = max(wait, a.last.result.Recipients[i].RetryAfter)
		}
	}
	return wait
}

// takeApart returns the recipients that were kept apart, and forgets them.
func (a *attempts) takeApart() []int {
	list := a.apart
	a.apart = nil
	return list
}

// add enters an attempt to the recipients at these positions, in their order.
func (a *attempts) add(positions []int, of *attempt) {
	a.last, a.lastTo = of, positions
	if of.failure != nil {
		a.failures = append(a.failures, of.failure)
	}
	if a.result == nil && len(positions) == a.size && slices.IsSorted(positions) {
		a.only, a.result = of, of.result
		return
	}
	a.makeOwn()
	for i, position := range positions {
		a.result.Recipients[position] = mergeOutcome(a.result.Recipients[position], of.result.Recipients[i])
	}
	a.result.Relay = of.result.Relay
	if a.result.QueueID == "" {
		a.result.QueueID = of.result.QueueID
	}
	a.result.Timing = a.result.Timing.Plus(of.result.Timing)
}

// makeOwn makes the result one that may be changed: that of the first attempt still belongs to its error.
func (a *attempts) makeOwn() {
	switch {
	case a.result == nil:
		a.result = transport.NewResult(a.mail.Envelope(), transport.NotSent, transport.Reply{})
		a.result.Identify(a.mail)
	case a.only != nil:
		a.result = a.result.Clone()
		a.only = nil
	}
}

// stop says why the recipients without an answer will not get one.
func (a *attempts) stop(phase transport.Phase, cause error) {
	a.makeOwn()
	a.failures = append(a.failures, &transport.SendError{Result: a.result, Phase: phase, Err: cause})
}

// postpone says why those of the recipients at these positions who have no answer have to wait, how long, and for what.
func (a *attempts) postpone(positions []int, fault transport.Fault, wait time.Duration, cause error) {
	const phase = transport.PhaseWait
	a.makeOwn()
	for _, i := range positions {
		if r := &a.result.Recipients[i]; r.Outcome == transport.NotSent {
			r.Outcome, r.Fault, r.RetryAfter = transport.Deferred, fault, wait
		}
	}
	a.failures = append(a.failures, &transport.SendError{Result: a.result, Phase: phase, Err: cause})
}

// mergeOutcome is what is known of a recipient after one more attempt: Accepted is final, Unknown gives way to
// Accepted only, and an answer is not forgotten for an attempt that brought none. A refusal for good that is about
// the relay, the account or a policy decides only where no relay said anything else: another one may still take
// the mail later.
func mergeOutcome(before, after transport.RecipientResult) transport.RecipientResult {
	tried := before.Outcome != transport.NotSent || before.Relay != ""
	switch {
	case before.Outcome == transport.Accepted,
		before.Outcome == transport.Unknown && after.Outcome != transport.Accepted,
		before.Outcome == transport.Deferred && after.Outcome == transport.NotSent,
		after.Outcome == transport.NotSent && after.Relay == "" && before.Outcome == transport.NotSent,
		tried && refusedElsewhere(after) && !refusedElsewhere(before):
		return before
	}
	return after
}

// refusedElsewhere reports whether a relay refused a recipient for a reason of its own.
func refusedElsewhere(r transport.RecipientResult) bool {
	return r.Outcome == transport.Rejected && elsewhere(r.Fault)
}

// end returns the result of all attempts, and the error. With several failures the phase and the
// reply are those of the last, and the cause is a *AttemptsError.
func (a *attempts) end() (*transport.Result, error) {
	if a.only != nil {
		return a.only.result, a.only.err()
	}
	a.makeOwn()
	if a.size > 0 && a.result.AllAccepted() {
		return a.result, nil
	}
	failed := &transport.SendError{Result: a.result, Phase: transport.PhaseMessage}
	if n := len(a.failures); n > 0 {
		last := a.aboutThem(a.failures[n-1])
		a.failures[n-1] = last
		failed.Phase, failed.Reply, failed.Err = last.Phase, last.Reply, last.Err
		if n > 1 || last.Result.Relay != a.result.Relay { // the relays are named with the reasons
			failed.Err = &AttemptsError{failures: a.failures}
		}
	}
	return a.result, failed
}

// aboutThem is a refusal with the reply to the first recipient who has not got the mail in the end: that to another one,
// whom a later relay has accepted, would be taken for it.
func (a *attempts) aboutThem(last *transport.SendError) *transport.SendError {
	if last.Err != nil || last.Reply.IsZero() {
		return last
	}
	for i := range a.result.Recipients {
		r := &a.result.Recipients[i]
		if r.Outcome == transport.Accepted || r.Relay != last.Result.Relay || r.Reply.IsZero() {
			continue
		}
		if r.Reply.String() == last.Reply.String() {
			break
		}
		return &transport.SendError{Result: last.Result, Phase: last.Phase, Reply: r.Reply}
	}
	return last
}

// AttemptsError is the cause of a [transport.SendError] that took several attempts. errors.Is and errors.As see each.
type AttemptsError struct{ failures []*transport.SendError }

// Attempts returns the errors of the attempts that lost a recipient, in their order. The Result of
// each is about the recipients of that attempt.
func (e *AttemptsError) Attempts() []*transport.SendError {
	return append([]*transport.SendError(nil), e.failures...)
}

// Error names relay, phase and reason of every attempt on one line. What several attempts in a row have in common is
// said once.
func (e *AttemptsError) Error() string {
	var texts []string
	times := 0
	list := e.reasons(nil)
	for i, text := range list {
		times++
		if i+1 < len(list) && list[i+1] == text {
			continue
		}
		if times > 1 {
			text = fmt.Sprintf("%s (%d times)", text, times)
		}
		texts = append(texts, text)
		times = 0
	}
	return strings.Join(texts, "; ")
}

// reasons appends those of all attempts to list.
func (e *AttemptsError) reasons(list []string) []string {
	for _, f := range e.failures {
		if several, ok := f.Err.(*AttemptsError); ok { //nolint:errorlint // only its own attempts, not those of a step
			list = several.reasons(list)
			continue
		}
		list = append(list, f.Reason())
	}
	return list
}

// Unwrap returns the attempts.
func (e *AttemptsError) Unwrap() []error {
	errs := make([]error, len(e.failures))
	for i, f := range e.failures {
		errs[i] = f
	}
	return errs
}

// Temporary reports whether a later attempt may succeed because the cause of one attempt was temporary.
func (e *AttemptsError) Temporary() bool {
	for _, f := range e.failures {
		if f.TemporaryCause() {
			return true
		}
	}
	return false
}

package policy

import (
	"context"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport"
)

// RedirectAll describes a transport that sends every mail to one address instead of its recipients,
// so that a system on trial writes to no other person. The message itself stays as it is and names the
// recipients it was meant for; each of them gets the outcome of the one mail that was sent.
type RedirectAll struct {
	// Next sends the mail. The transport owns it.
	Next transport.Transport
	// To gets all mail.
	To envelope.Address
}

// Build checks the description and returns the transport. The error joins [envelope.FieldError]s.
func (r RedirectAll) Build() (transport.Transport, error) {
	var bad configErrors
	bad.over("Next", r.Next)
	if r.To.IsNull() {
		bad.add("To", 0, "<>", envelope.ErrNullRecipient)
	}
	if err := bad.err(); err != nil {
		return nil, err
	}
	return newCompound(func(transport.Mail) plan { return redirected{r.To} }, r.Next), nil
}

// redirected is the plan of a mail to another recipient.
type redirected struct{ to envelope.Address }

func (p redirected) next(_ context.Context, a *attempts) (step, bool) {
	if a.last != nil {
		return step{}, false
	}
	env := a.mail.Envelope()
	instead, err := envelope.NewWithOptions(env.From(), []envelope.Recipient{{Address: p.to}}, env.Options())
	if err != nil {
		a.stop(transport.PhaseMessage, err)
		return step{}, false
	}
	return step{to: a.all(), mail: transport.WithEnvelope(a.mail, instead), mapOutcome: func(of *attempt) *attempt { return of.forAll(env) }}, true
}

// forAll is an attempt to one recipient as one to all recipients of env, who share its outcome.
func (a *attempt) forAll(env envelope.Envelope) *attempt {
	one := a.result.Recipients[0]
	result := *a.result
	result.Recipients = transport.NewResult(env, one.Outcome, one.Reply).Recipients
	for i := range result.Recipients {
		r := &result.Recipients[i]
		r.Relay, r.QueueID, r.RetryAfter = one.Relay, one.QueueID, one.RetryAfter
		if one.Fault != transport.FaultRecipient { // that is the address which got the mail, not theirs
			r.Fault = one.Fault
		}
	}
	all := &attempt{result: &result, callerDone: a.callerDone}
	if a.failure != nil {
		all.failure = &transport.SendError{Result: &result, Phase: a.failure.Phase, Reply: a.failure.Reply, Err: a.failure.Err}
	}
	return all
}

package policy

import (
	"context"

	"github.com/depeche-mail/depeche/transport"
)

// Tee describes a transport that gives a copy of what it sent to a second one, such as a folder that
// keeps everything or a relay on trial. The copy is made after the mail was sent, for exactly the
// recipients who are Accepted or Unknown, and Send returns when it is done. Its fate changes nothing
// in the Result.
type Tee struct {
	// Next sends the mail. The transport owns it.
	Next transport.Transport
	// Copy gets the copy. The transport owns it.
	Copy transport.Transport
	// OnCopyError, if it is set, is told of each copy that was not accepted for every recipient. It may be called
	// from several goroutines.
	OnCopyError func(mail transport.Mail, failed *transport.SendError)
}

// Build checks the description and returns the transport. The error joins [envelope.FieldError]s.
func (t Tee) Build() (transport.Transport, error) {
	var bad configErrors
	bad.over("Next", t.Next)
	bad.over("Copy", t.Copy)
	if err := bad.err(); err != nil {
		return nil, err
	}
	return newCompound(func(transport.Mail) plan { return &teePlan{tee: t} }, t.Next, t.Copy), nil
}

// teePlan is the plan of a mail with a copy.
type teePlan struct {
	tee  Tee
	over bool // the copy was made
}

func (p *teePlan) next(_ context.Context, a *attempts) (step, bool) {
	switch {
	case a.last == nil:
		return step{to: a.all()}, true
	case p.over:
		if p.tee.OnCopyError != nil && a.last.failure != nil {
			p.tee.OnCopyError(a.mail, a.last.failure)
		}
		return step{}, false
	}
	var to []int
	for i := range a.last.result.Recipients {
		if o := a.last.result.Recipients[i].Outcome; o == transport.Accepted || o == transport.Unknown {
			to = append(to, i)
		}
	}
	p.over = true
	return step{over: 1, to: to, ignoreOutcome: true}, len(to) > 0
}

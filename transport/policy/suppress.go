package policy

import (
	"context"
	"errors"
	"net"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport"
)

// ErrSuppressed is the cause when a [Suppress] left recipients out. It is final: a [Retry] does not try them again.
var ErrSuppressed = errors.New("on the suppression list")

// SuppressionList remembers addresses that no mail may go to. The program has it, in a table of its own for instance. Its
// methods may be called from several goroutines.
type SuppressionList interface {
	// Suppressed reports whether no mail may go to an address. After an error nothing of the mail is sent, and a Retry asks
	// again, unless the error has a method Temporary() bool that returns false.
	Suppressed(ctx context.Context, address envelope.Address) (bool, error)
	// Suppress is told of an address that a server has said does not exist, as RecipientResult.MaySuppress means it,
	// and of the server's reply. It is called before Send returns. Its error is told to observers and changes no result.
	Suppress(ctx context.Context, address envelope.Address, reply transport.Reply) error
}

// Suppress describes a transport that sends nothing to addresses of a suppression list, and adds those to the list that a
// server has said do not exist. The other recipients of a mail get it. Put it above Failover and Retry, so that each
// address is looked up once for each mail.
type Suppress struct {
	// Next sends the mail. The transport owns it.
	Next transport.Transport
	// List is asked before each mail, for each recipient.
	List SuppressionList
}

// Build checks the description and returns the transport. The error joins [envelope.FieldError]s. Recipients that are on
// the list are NotSent with FaultRecipient in PhaseMessage, and the cause is [ErrSuppressed].
func (s Suppress) Build() (transport.Transport, error) {
	var bad configErrors
	bad.over("Next", s.Next)
	if s.List == nil {
		bad.add("List", 0, "", errors.New("a suppression list is needed"))
	}
	if err := bad.err(); err != nil {
		return nil, err
	}
	return newCompound(func(transport.Mail) plan { return &suppressPlan{list: s.List} }, s.Next), nil
}

// listError is why a list could not be asked.
type listError struct{ err error }

func (e *listError) Error() string { return "suppression list: " + e.err.Error() }

func (e *listError) Unwrap() error { return e.err }

// Temporary reports whether the list may be asked again: a table that cannot be reached now may be there later. Package net
// says of a refused connection that it is not temporary.
func (e *listError) Temporary() bool {
	if _, ok := errors.AsType[*net.OpError](e.err); ok {
		return true
	}
	var known interface{ Temporary() bool }
	return !errors.As(e.err, &known) || known.Temporary()
}

// suppressPlan is the plan of a mail whose recipients are looked up.
type suppressPlan struct {
	list   SuppressionList
	listed []int // the positions of those that are on the list
}

func (p *suppressPlan) next(ctx context.Context, a *attempts) (step, bool) {
	if a.last == nil {
		rest, err := p.look(ctx, a)
		switch {
		case err != nil:
			a.stop(transport.PhaseMessage, &listError{err})
		case len(rest) == 0 && len(p.listed) > 0:
			p.refuse(ctx, a)
		default:
			return step{to: rest}, true
		}
		return step{}, false
	}
	p.learn(ctx, a)
	if len(p.listed) > 0 {
		p.refuse(ctx, a)
	}
	return step{}, false
}

// look divides the recipients by the list. Those who may get the mail are returned.
func (p *suppressPlan) look(ctx context.Context, a *attempts) (rest []int, err error) {
	env := a.mail.Envelope()
	for i := range env.Len() {
		listed, err := p.list.Suppressed(ctx, env.At(i).Address)
		switch {
		case err != nil:
			return nil, err
		case listed:
			p.listed = append(p.listed, i)
		default:
			rest = append(rest, i)
		}
	}
	return rest, nil
}

// refuse says of those on the list why they get nothing.
func (p *suppressPlan) refuse(ctx context.Context, a *attempts) {
	a.makeOwn()
	for _, i := range p.listed {
		a.result.Recipients[i].Fault = transport.FaultRecipient
	}
	a.stop(transport.PhaseMessage, ErrSuppressed)
	transport.Tell(ctx, transport.Decision{Kind: transport.DecisionSuppress, Mail: a.mail, Recipients: len(p.listed), Err: ErrSuppressed})
}

// learn tells the list of addresses that do not exist.
func (p *suppressPlan) learn(ctx context.Context, a *attempts) {
	for _, r := range a.last.result.Recipients {
		if !r.MaySuppress() {
			continue
		}
		state := "added"
		err := p.list.Suppress(ctx, r.Address, r.Reply)
		if err != nil {
			state = "not added"
		}
		transport.Tell(ctx, transport.Decision{Kind: transport.DecisionSuppress, Mail: a.mail, Recipients: 1, State: state, Err: err})
	}
}

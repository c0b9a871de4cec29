package policy

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport"
)

// Step makes of a mail the mails that go out instead of it: signed, encrypted, with another sender for each
// recipient. The recipients of what it returns are together those of mail, each once. It may be called for
// several mails at the same time, and again for a mail that is sent again. An error means that nothing of mail
// is sent. What it returns gets the key and the endings of mail (transport.WithEnding), by which a ledger above remembers.
type Step func(ctx context.Context, mail transport.Mail) ([]transport.Mail, error)

// Signer is a step that signs, and so comes last. *dkim.Signer and dkim.ByDomain are ones.
type Signer interface {
	// ForRelay returns the step for a relay with these rules, or an error when it cannot keep them.
	ForRelay(rules transport.SignatureRules) (func(ctx context.Context, mail transport.Mail) ([]transport.Mail, error), error)
}

// Prepare describes a transport that makes mail ready before it sends it. It belongs below everything that
// changes mails or their envelopes (Resend, Defaults, Overrides, RedirectAll), and above Failover, Retry
// and Balance where each attempt may send the same octets; where each attempt needs its own, it belongs
// below them.
type Prepare struct {
	// Next sends the mails. The transport owns it.
	Next transport.Transport
	// Steps are gone through in this order. Each is given every mail that the one before has made.
	Steps []Step
	// Sign signs what the steps have made. It is asked for what Next allows (see
	// transport.SignatureRules), and what it cannot keep is an error of Build.
	Sign Signer
	// Ahead is how many mails SendAll prepares at the same time. They are sent in their order. 0 means GOMAXPROCS when
	// preparing takes longer than handing a mail to another goroutine, as signing does, and else one after the other.
	Ahead int
}

// Build checks the description and returns the transport. The error joins [envelope.FieldError]s.
//
// When a step fails, the recipients of the mail are NotSent in PhaseMessage with its error. When it returns
// mails whose recipients are not those of the mail, each once, the cause is [ErrContract]. The mails
// that come of one mail are sent one after the other, and the result of each recipient names the queue id of
// the mail that it was sent.
func (p Prepare) Build() (transport.Transport, error) {
	var bad configErrors
	bad.over("Next", p.Next)
	bad.count("Ahead", int64(p.Ahead))
	for i, s := range p.Steps {
		if s == nil {
			bad.add("Steps", i, "", errors.New("a step is missing"))
		}
	}
	if len(p.Steps) == 0 && p.Sign == nil {
		bad.add("Steps", 0, "", errors.New("there is nothing to do: give steps or a signer"))
	}
	steps := slices.Clone(p.Steps)
	if p.Sign != nil && p.Next != nil {
		sign, err := p.Sign.ForRelay(transport.SignatureRulesOf(p.Next))
		if err != nil {
			bad.add("Sign", 0, "", err)
		}
		steps = append(steps, sign)
	}
	if err := bad.err(); err != nil {
		return nil, err
	}
	c := newCompound(func(transport.Mail) plan { return &preparePlan{steps: steps} }, p.Next)
	if c.ahead = p.Ahead; c.ahead == 0 {
		c.ahead, c.aheadIfSlow = runtime.GOMAXPROCS(0), true
	}
	return c, nil
}

// preparePlan is the plan of a mail that becomes others.
type preparePlan struct {
	steps []Step
	ready bool
	parts []part  // that are still to be sent
	one   [1]part // room for them while there is one
}

// part is a mail for some of the recipients, which are given by their positions in the original envelope.
type part struct {
	mail transport.Mail
	to   []int
}

// prepare goes through the steps.
func (p *preparePlan) prepare(ctx context.Context, a *attempts) {
	p.ready = true
	endings := endingsOf(a.mail)
	p.one[0] = part{transport.WithoutEnding(a.mail), a.all()} // no step tells of an end by reading the mail
	parts := p.one[:]
	for i, s := range p.steps {
		made := p.one[:0]
		if len(parts) > 1 {
			made = make([]part, 0, len(parts))
		}
		for _, whole := range parts {
			if ctx.Err() != nil {
				a.stop(transport.PhaseMessage, context.Cause(ctx))
				return
			}
			mails, err := s(ctx, whole.mail)
			if err != nil {
				a.stop(transport.PhaseMessage, err)
				return
			}
			if made, err = whole.split(made, mails); err != nil {
				a.stop(transport.PhaseMessage, fmt.Errorf("%w: step %d: %w", ErrContract, i, err))
				return
			}
		}
		parts = made
	}
	key := transport.KeyOf(a.mail)
	for i := range parts {
		if transport.KeyOf(parts[i].mail) != key {
			parts[i].mail = transport.WithKey(parts[i].mail, key)
		}
		parts[i].mail = keepEndings(parts[i].mail, endings)
	}
	p.parts = parts
}

// split finds the recipients of mails among those of the whole, and appends a part for each mail.
func (p part) split(parts []part, mails []transport.Mail) ([]part, error) {
	env := p.mail.Envelope()
	if len(mails) == 1 && mails[0] != nil && sameRecipients(env, mails[0].Envelope()) {
		return append(parts, part{mails[0], p.to}), nil
	}
	position := make(map[envelope.Address]int, env.Len())
	for i, to := range p.to {
		position[env.At(i).Address] = to
	}
	for _, mail := range mails {
		if mail == nil {
			return nil, errors.New("a mail is nil")
		}
		own := mail.Envelope()
		if own.Len() == 0 {
			return nil, errors.New("a mail has no recipient")
		}
		to := make([]int, own.Len())
		for k := range to {
			who := own.At(k).Address
			at, ok := position[who]
			if !ok {
				return nil, fmt.Errorf("%v is not a recipient of the mail, or is one of two of the mails it became", who)
			}
			delete(position, who)
			to[k] = at
		}
		parts = append(parts, part{mail, to})
	}
	for who := range position {
		return nil, fmt.Errorf("%v would not get the mail", who)
	}
	return parts, nil
}

func sameRecipients(a, b envelope.Envelope) bool {
	if a.Len() != b.Len() {
		return false
	}
	for i := range a.Len() {
		if a.At(i).Address != b.At(i).Address {
			return false
		}
	}
	return true
}

func (p *preparePlan) next(ctx context.Context, a *attempts) (step, bool) {
	if !p.ready {
		p.prepare(ctx, a)
	}
	if len(p.parts) == 0 {
		return step{}, false
	}
	first := p.parts[0]
	p.parts = p.parts[1:]
	return step{to: first.to, mail: first.mail}, true
}

package policy

import (
	"cmp"
	"context"
	"errors"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport"
)

// Defaults describes a transport that asks the servers for what a mail does not ask for itself.
// What a mail does ask for stays.
type Defaults struct {
	// Next sends the mail. The transport owns it.
	Next transport.Transport
	// Options is for mails that leave an option at zero. HoldFor and HoldUntil are one option.
	Options envelope.Options
	// Notify is for recipients who leave it at zero.
	Notify envelope.Notify
}

// Build checks the description and returns the transport. The error joins [envelope.FieldError]s.
func (d Defaults) Build() (transport.Transport, error) {
	return optionsOverride{delivery: d.Options, notify: d.Notify}.build(d.Next)
}

// Overrides describes a transport that decides itself what the servers are asked for, whatever a
// mail says.
type Overrides struct {
	// Next sends the mail. The transport owns it.
	Next transport.Transport
	// From is the sender, who gets the bounces; the null path leaves it to the mail. A mail from the
	// null path keeps that, because nothing may come back for it (RFC 5321 section 4.5.5).
	From envelope.Address
	// NullFrom makes the null path the sender of every mail, so that no bounce comes back. From must be zero then.
	NullFrom bool
	// Options holds the options; those at zero are left to the mail. HoldFor and HoldUntil are one
	// option.
	Options envelope.Options
	// Notify is for all recipients; 0 leaves it to the mail.
	Notify envelope.Notify
}

// Build checks the description and returns the transport. The error joins [envelope.FieldError]s.
func (o Overrides) Build() (transport.Transport, error) {
	return optionsOverride{from: o.From, nullFrom: o.NullFrom, delivery: o.Options, notify: o.Notify, enforced: true}.build(o.Next)
}

// optionsOverride are what Defaults and Overrides ask of the servers.
type optionsOverride struct {
	from     envelope.Address
	nullFrom bool
	delivery envelope.Options
	notify   envelope.Notify
	enforced bool
}

func (w optionsOverride) build(over transport.Transport) (transport.Transport, error) {
	var bad configErrors
	bad.over("Next", over)
	if w == (optionsOverride{enforced: w.enforced}) {
		bad.add("Options", 0, "", errors.New("nothing is asked for"))
	}
	if w.nullFrom && !w.from.IsNull() {
		bad.add("NullFrom", 0, "true", errors.New("the field From names another sender; want one of them"))
	}
	bad.options(w)
	if err := bad.err(); err != nil {
		return nil, err
	}
	return newCompound(func(transport.Mail) plan { return optionsPlan{w} }, over), nil
}

// options checks options by an envelope that has them.
func (f *configErrors) options(w optionsOverride) {
	anyAddress, err := envelope.NewAddress("x", "example.org")
	if err == nil {
		_, err = envelope.NewWithOptions(w.from, []envelope.Recipient{{Address: anyAddress, Notify: w.notify}}, w.delivery)
	}
	if err != nil {
		f.errs = append(f.errs, err)
	}
}

// envelope returns env with the wishes.
func (w optionsOverride) envelope(env envelope.Envelope) (envelope.Envelope, error) {
	from, to, first, second := env.From(), env.Recipients(), env.Options(), w.delivery
	if w.enforced {
		first, second = second, first
	}
	switch {
	case w.nullFrom:
		from = envelope.Address{}
	case !w.from.IsNull() && !from.IsNull():
		from = w.from
	}
	for i := range to {
		if w.notify != 0 && (w.enforced || to[i].Notify == 0) {
			to[i].Notify = w.notify
		}
	}
	return envelope.NewWithOptions(from, to, prefer(first, second))
}

// prefer fills what first leaves at zero from second.
func prefer(first, second envelope.Options) envelope.Options {
	out := first
	if out.HoldFor == 0 && out.HoldUntil.IsZero() {
		out.HoldFor, out.HoldUntil = second.HoldFor, second.HoldUntil
	}
	out.DSNReturn = cmp.Or(first.DSNReturn, second.DSNReturn)
	out.EnvelopeID = cmp.Or(first.EnvelopeID, second.EnvelopeID)
	out.RequireTLS = first.RequireTLS || second.RequireTLS
	out.DeliverBy = cmp.Or(first.DeliverBy, second.DeliverBy)
	out.Priority = cmp.Or(first.Priority, second.Priority)
	out.Submitter = cmp.Or(first.Submitter, second.Submitter)
	out.MailParams = cmp.Or(first.MailParams, second.MailParams)
	out.RcptParams = cmp.Or(first.RcptParams, second.RcptParams)
	return out
}

// optionsPlan is the plan of a mail with wishes that are not its own.
type optionsPlan struct{ override optionsOverride }

func (p optionsPlan) next(_ context.Context, a *attempts) (step, bool) {
	if a.last != nil {
		return step{}, false
	}
	env, err := p.override.envelope(a.mail.Envelope())
	if err != nil {
		a.stop(transport.PhaseMessage, err)
		return step{}, false
	}
	return step{to: a.all(), mail: transport.WithEnvelope(a.mail, env)}, true
}

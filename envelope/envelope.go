package envelope

import (
	"encoding/json"
	"slices"
	"strings"
)

// Recipient is one receiver and what the sender wants to hear of the delivery to it.
type Recipient struct {
	Address Address `json:"address"`
	// Notify selects delivery status notifications (RFC 3461 section 4.1).
	Notify Notify `json:"notify,omitempty"`
	// OriginalRecipient is the address the message was first meant for (ORCPT, RFC 3461 section 4.2);
	// the null path leaves it out.
	OriginalRecipient Address `json:"original,omitzero"`
}

// Envelope is a reverse-path, at least one recipient, and delivery options. The zero Envelope has
// no recipient and is refused by every transport; use New or NewWithOptions. An Envelope is immutable.
type Envelope struct {
	from    Address
	first   Recipient   // here, because most mails have one recipient, and need no further memory then
	more    []Recipient // all others
	options *Options    // nil when nothing is asked, which nearly all envelopes do
	special bool        // something is asked, of all or for a recipient
}

// New returns the envelope of a sender, which may be the null path, and its recipients in order.
// A recipient given twice is kept once. The error is a *[FieldError].
func New(from Address, to ...Address) (Envelope, error) {
	if len(to) == 1 && !to[0].IsNull() && !from.IsPostmaster() { // as nearly always, and without further memory
		return Envelope{from: from, first: Recipient{Address: to[0]}}, nil
	}
	recipients := make([]Recipient, len(to))
	for i, address := range to {
		recipients[i].Address = address
	}
	return NewWithOptions(from, recipients, Options{})
}

// NewWithOptions is New with options per recipient and per message. Of a recipient given twice the first
// is kept. The slice is copied.
func NewWithOptions(from Address, to []Recipient, options Options) (Envelope, error) {
	if len(to) == 0 {
		return Envelope{}, &FieldError{Field: "Recipients", Err: ErrNoRecipient}
	}
	for i := range to {
		r := &to[i]
		if r.Address.IsNull() {
			return Envelope{}, &FieldError{Field: "Recipients", Index: i, Value: "<>", Err: ErrNullRecipient}
		}
		if err := r.Notify.Check(); err != nil {
			return Envelope{}, &FieldError{Field: "Notify", Index: i, Value: r.Notify.String(), Err: err}
		}
	}
	if from.IsPostmaster() {
		return Envelope{}, &FieldError{Field: "From", Value: from.String(), Err: ErrNoDomain}
	}
	e := Envelope{from: from, first: to[0]}
	if options != (Options{}) {
		if err := options.Check(); err != nil {
			return Envelope{}, err
		}
		asked := options // so that memory is only needed here
		e.options = &asked
	}
	if len(to) > 1 {
		e.more = unique(to)[1:]
	}
	e.special = e.options != nil || e.first.asks() || slices.ContainsFunc(e.more, Recipient.asks)
	return e, nil
}

// asks reports whether something is asked of the servers for r.
func (r Recipient) asks() bool { return r.Notify != 0 || !r.OriginalRecipient.IsNull() }

// has reports whether is says yes of a recipient.
func (e Envelope) has(is func(Recipient) bool) bool {
	if e.Len() > 0 && is(e.first) {
		return true
	}
	return slices.ContainsFunc(e.more, is)
}

// unique returns a copy of to in which each address stands once, where it stood first.
func unique(to []Recipient) []Recipient {
	out := make([]Recipient, 0, len(to))
	const few = 16 // up to here comparing each with each is faster than a map
	if len(to) <= few {
		for _, r := range to {
			if !slices.ContainsFunc(out, func(o Recipient) bool { return o.Address == r.Address }) {
				out = append(out, r)
			}
		}
		return out
	}
	seen := make(map[Address]struct{}, len(to))
	for _, r := range to {
		if _, dup := seen[r.Address]; !dup {
			seen[r.Address] = struct{}{}
			out = append(out, r)
		}
	}
	return out
}

// From returns the reverse-path; it may be the null path.
func (e Envelope) From() Address { return e.from }

// Len returns the number of recipients.
func (e Envelope) Len() int {
	if e.first.Address.IsNull() { // of the zero Envelope
		return 0
	}
	return 1 + len(e.more)
}

// At returns recipient i, from 0 to Len()-1.
func (e Envelope) At(i int) Recipient {
	if i == 0 && e.Len() > 0 {
		return e.first
	}
	return e.more[i-1]
}

// Recipients returns a copy of the recipients in order.
func (e Envelope) Recipients() []Recipient {
	if e.Len() == 0 {
		return nil
	}
	return append([]Recipient{e.first}, e.more...)
}

// Options returns what the sender asks of the servers.
func (e Envelope) Options() Options {
	if e.options == nil {
		return Options{}
	}
	return *e.options
}

// String returns sender and recipients for people, such as "a@b.org > c@d.org, e@f.org".
func (e Envelope) String() string {
	var b strings.Builder
	if e.from.IsNull() {
		b.WriteString("<> >")
	} else {
		b.WriteString(e.from.String() + " >")
	}
	for i := range e.Len() {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(" " + e.At(i).Address.String())
	}
	return b.String()
}

// IsPlain reports whether nothing is asked of the servers but delivery: no delivery options, and none
// of any recipient.
func (e Envelope) IsPlain() bool { return !e.special }

// NeedsSMTPUTF8 reports whether an address of the envelope can only be written with the SMTPUTF8
// extension (RFC 6531).
func (e Envelope) NeedsSMTPUTF8() bool {
	return e.from.NeedsSMTPUTF8() || e.has(func(r Recipient) bool {
		return r.Address.NeedsSMTPUTF8() || r.OriginalRecipient.NeedsSMTPUTF8()
	})
}

// envelopeJSON is the stored form of an envelope.
type envelopeJSON struct {
	From     Address     `json:"from"`
	To       []Recipient `json:"to"`
	Delivery Options     `json:"delivery,omitzero"`
}

// MarshalJSON writes the envelope as an object with from, to and, if asked for, delivery.
func (e Envelope) MarshalJSON() ([]byte, error) {
	return json.Marshal(envelopeJSON{From: e.from, To: e.Recipients(), Delivery: e.Options()})
}

// UnmarshalJSON reads what MarshalJSON writes and applies the checks of NewWithOptions.
func (e *Envelope) UnmarshalJSON(data []byte) error {
	var stored envelopeJSON
	if err := json.Unmarshal(data, &stored); err != nil {
		return err
	}
	made, err := NewWithOptions(stored.From, stored.To, stored.Delivery)
	if err == nil {
		*e = made
	}
	return err
}

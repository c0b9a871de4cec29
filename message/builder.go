package message

import (
	"io"
	"slices"
	"time"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/internal/linear"
)

// FieldError says which step of a builder was given something unusable, and why.
type FieldError = envelope.FieldError

// ErrStale is the error of Build when a handle was used twice; see [Builder].
var ErrStale = linear.ErrStale

// Builder is a linear handle of a message being composed: each step spends it and returns the next
// one. Keep the result (b = b.To(x)) or fork with Clone. The zero Builder is not usable; call New.
type Builder struct {
	handle linear.Handle
	draft  *draft
}

// state is what the steps collect; Build judges it.
type state struct {
	given
	room
}

// given is what the steps were given.
type given struct {
	from, sender, replyTo, to, cc, bcc AddressList

	subject   string
	date      time.Time
	messageID string
	withoutID bool // no Message-ID at all
	idDomain  string
	inReplyTo []string
	refs      []string
	fields    []field

	forms    []Part // of the body, in the order of formOrder
	inline   []Part
	attached []Part
	whole    *Part // instead of forms and inline

	explicit  *envelope.Envelope
	bounceTo  *envelope.Address // instead of Sender or From; the null path too
	delivery  envelope.Options
	asks      bool // delivery is not zero
	keepBcc   bool
	eightBit  bool
	raw       bool // header fields in UTF-8
	unchecked bool // inline parts may be missing, or not shown

	clock  func() time.Time
	random io.Reader
	errs   []error
}

// room is for what nearly every message has, so that it needs no memory of its own.
type room struct {
	firstForms   [2]Part
	alternative  Part            // of several forms; Build makes it
	firstEntries [2]addressEntry // each for a list
	entriesUsed  int
}

// reset takes everything out of s. Room that was not used is left alone: clearing memory for pointers is slow while the
// garbage collector looks for them.
func (s *state) reset() {
	if len(s.forms) > 0 {
		clear(s.firstForms[:min(len(s.forms), len(s.firstForms))])
	}
	if s.alternative.body != nil {
		s.alternative = Part{}
	}
	clear(s.firstEntries[:s.entriesUsed])
	s.entriesUsed = 0
	s.given = given{}
}

// add appends an entry to one of the lists, which the caller fills before the next one.
func (s *state) add(to *AddressList) *addressEntry {
	if n := s.entriesUsed; to.entries == nil && n < len(s.firstEntries) {
		to.entries = s.firstEntries[n : n : n+1]
		s.entriesUsed++
	}
	to.entries = append(to.entries, addressEntry{})
	return &to.entries[len(to.entries)-1]
}

// copyTo makes c a copy that shares no slice with s that either of them may append to, and nothing at all
// of the room of s, which is used again when s has been built.
func (s *state) copyTo(c *state) {
	c.given = s.given
	for i, list := range c.lists() {
		list.entries = nil
		if entries := s.lists()[i].entries; len(entries) == 1 {
			*c.add(list) = entries[0]
		} else {
			list.entries = slices.Clone(entries)
		}
	}
	c.forms = append(c.firstForms[:0], s.forms...)
	c.inReplyTo = slices.Clip(s.inReplyTo)
	c.refs = slices.Clip(s.refs)
	c.fields = slices.Clip(s.fields)
	c.inline = slices.Clip(s.inline)
	c.attached = slices.Clip(s.attached)
	c.errs = slices.Clip(s.errs)
}

// lists returns all lists of addresses.
func (s *state) lists() [6]*AddressList {
	return [...]*AddressList{&s.from, &s.sender, &s.replyTo, &s.to, &s.cc, &s.bcc}
}

func (s *state) fault(field, value string, err error) {
	s.errs = append(s.errs, &FieldError{Field: field, Value: value, Err: err})
}

// New returns the first handle of an empty message.
func New() Builder {
	d := newDraft()
	return Builder{d.guard.Begin(), d}
}

// Clone forks the message: both handles can be used, and neither sees the other's steps.
func (b Builder) Clone() Builder {
	var fork Builder
	b.handle.Look(func() {
		d := newDraft()
		b.draft.copyTo(&d.state)
		fork = Builder{d.guard.Begin(), d}
	})
	return fork
}

func (b Builder) step(change func(*state)) Builder {
	next, ok := b.handle.Spend()
	if ok {
		change(&b.draft.state)
	}
	return Builder{next, b.draft}
}

// Fault makes Build fail with err as a fault of a field, a [*FieldError] among the others. It is for functions that add to a
// builder and can fail, so that their callers have one error to look at. A nil err changes nothing.
func (b Builder) Fault(field string, err error) Builder {
	return b.step(func(s *state) {
		if err != nil {
			s.fault(field, "", err)
		}
	})
}

// Subject sets the subject; the last call wins.
func (b Builder) Subject(subject string) Builder {
	return b.step(func(s *state) { s.subject = subject })
}

// Date sets the date instead of the time of Build.
func (b Builder) Date(date time.Time) Builder { return b.step(func(s *state) { s.date = date }) }

// MessageID sets the Message-ID, with or without angle brackets, instead of a random one.
// "" is the default, a random one.
func (b Builder) MessageID(id string) Builder {
	return b.step(func(s *state) { s.messageID, s.withoutID = id, false })
}

// MessageIDDomain sets the domain of the random Message-ID instead of that of the first author.
func (b Builder) MessageIDDomain(domain string) Builder {
	return b.step(func(s *state) { s.idDomain = domain })
}

// BounceTo sets where reports of failed delivery go (the return path): the sender of the envelope, which readers do not
// see as the author. "<>" is the null path of mail that must not be answered, such as automatic replies. The default, and
// what "" means, is Sender, else From. An explicit Envelope wins.
func (b Builder) BounceTo(address string) Builder {
	return b.step(func(s *state) {
		if address == "" {
			s.bounceTo = nil
			return
		}
		var to envelope.Address
		if address != "<>" {
			var err error
			if to, err = envelope.ParseAddress(address); err != nil {
				s.fault("BounceTo", address, err)
			}
		}
		s.bounceTo = &to
	})
}

// BounceToAddress is BounceTo for an address that was read already; the zero Address is the null path.
func (b Builder) BounceToAddress(address envelope.Address) Builder {
	return b.step(func(s *state) { s.bounceTo = &address })
}

// Envelope replaces the envelope that Build would derive from the header fields.
func (b Builder) Envelope(env envelope.Envelope) Builder {
	return b.step(func(s *state) { s.explicit = &env })
}

// EnvelopeOptions sets what is asked of the servers, for the derived envelope.
func (b Builder) EnvelopeOptions(d envelope.Options) Builder {
	return b.step(func(s *state) { s.delivery, s.asks = d, d != (envelope.Options{}) })
}

// KeepBcc writes the Bcc recipients into the message, for drafts, and for programs that take the
// recipients from it, such as sendmail -t. Every recipient can read them.
func (b Builder) KeepBcc() Builder { return b.step(func(s *state) { s.keepBcc = true }) }

// EightBit writes texts that are not ASCII as they are where their lines allow it. Such a message can
// only be sent to servers with 8BITMIME (RFC 6152), and relays may change it, which breaks signatures.
func (b Builder) EightBit() Builder { return b.step(func(s *state) { s.eightBit = true }) }

// Internationalized writes names, subject and other free text of the header in UTF-8 instead of
// encoded-words (RFC 6532). Such a message can only be sent to servers with SMTPUTF8.
func (b Builder) Internationalized() Builder { return b.step(func(s *state) { s.raw = true }) }

// Clock replaces the clock that Date is taken from, for reproducible messages.
func (b Builder) Clock(now func() time.Time) Builder {
	return b.step(func(s *state) { s.clock = now })
}

// Random replaces the source of randomness of Message-ID and boundaries, for reproducible messages.
// The default is crypto/rand; for messages without [Builder.Date] and [Builder.Clock] it is a ChaCha8 that gets a new seed from there
// in each second of the clock.
func (b Builder) Random(source io.Reader) Builder {
	return b.step(func(s *state) { s.random = source })
}

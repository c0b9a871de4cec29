package message

import (
	"crypto/rand"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/internal/linear"
	"github.com/depeche-mail/depeche/internal/mimewire"
)

// Build ends the chain: it checks everything that was given, looks at attached files, and returns
// the immutable message, or every fault found, joined, each a [*FieldError]. It blocks while files
// are looked at and one-shot readers are read.
func (b Builder) Build() (*Message, error) {
	if err := b.handle.Finish(); err != nil {
		return nil, err
	}
	return b.draft.buildAndFree()
}

// draft is a message in the making: what the steps collect, and what building it needs.
type draft struct {
	state

	guard    linear.Guard
	renderer renderer
	prepared preparer
	tree     *Part
	body     node

	// Not of one message.
	dates   mimewire.DateMemo
	entropy mimewire.Entropy
	octets  []byte // room for those of a message, until it is known how many they are
	pieces  [8]segment
	owned   [8]int
	around  [2]string // boundaries
}

// drafts keeps those that have been built, because they are big and bulk mail would make new ones all the time.
// No handle of one that has been built can be used any more.
var drafts = sync.Pool{New: func() any { return new(draft) }}

func newDraft() *draft {
	d, _ := drafts.Get().(*draft)
	return d
}

// buildAndFree builds the message and gives d back, with nothing in it that keeps memory of the message.
func (d *draft) buildAndFree() (*Message, error) {
	m, err := d.build()
	d.reset()
	d.forget()
	d.prepared, d.tree, d.body = preparer{}, nil, node{}
	drafts.Put(d)
	return m, err
}

// forget clears what the last rendering left, but for octets.
func (d *draft) forget() {
	r := &d.renderer
	clear(d.pieces[:min(len(r.segments), len(d.pieces))])
	if d.around[0] != "" {
		clear(d.around[:])
	}
	r.Dst, r.taken, r.segments, r.owned, r.random, r.boundaries = nil, 0, nil, nil, nil, nil
}

func (d *draft) build() (*Message, error) {
	switch {
	case !d.date.IsZero():
	case d.clock != nil:
		d.date = d.clock()
	default:
		d.date = time.Now()
		if d.random == nil {
			d.random = d.entropy.At(d.date.Unix())
		}
	}
	if d.random == nil {
		d.random = rand.Reader
	}
	d.check()
	env := d.envelope()
	d.tree = d.arrange()
	d.prepared.eightBit, d.prepared.raw, d.prepared.step = d.eightBit, d.raw, "Body"
	d.prepared.node(d.tree, &d.body)
	if d.errs = append(d.errs, d.prepared.errs...); len(d.errs) > 0 {
		return nil, errors.Join(d.errs...)
	}
	const tries = 8
	for try := 0; ; try++ {
		id, err := d.render()
		if err == nil {
			m := d.message()
			m.envelope, m.id, m.givenID = env, id, d.messageID != ""
			if len(d.refs) > 0 {
				refs := d.refs
				m.refs = &refs
			}
			return m, nil
		}
		if try == tries || !errors.Is(err, errBoundary) {
			return nil, err
		}
	}
}

// render writes the message into the renderer, and returns its Message-ID.
func (d *draft) render() (id string, err error) {
	d.forget()
	if d.octets == nil {
		const usual = 1 << 10
		d.octets = make([]byte, 0, usual)
	}
	r, body := &d.renderer, &d.body
	r.random, r.segments, r.owned, r.boundaries = d.random, d.pieces[:0], d.owned[:0], d.around[:0]
	r.Scratch, r.Raw, r.Dst = r.room[:0], d.raw, d.octets[:0]
	if id, err = d.header(); err != nil {
		return "", err
	}
	r.eightBit = !mimewire.IsASCII(r.Dst)
	if err := r.node(body); err != nil {
		return "", err
	}
	if body.encoding != Binary { // a line end would be one of the file
		r.endLine()
	}
	return id, nil
}

// message returns a message of what was rendered, in memory of its own that is as long as it needs to be. The octets of a big
// one stay where they are.
func (d *draft) message() *Message {
	const most = 64 << 10 // kept for the next message
	r := &d.renderer
	var m *Message
	octets := r.Dst
	if cap(octets) > most {
		m = new(Message)
	} else {
		m, octets = newMessage(octets)
		d.octets = r.Dst
	}
	if len(r.segments) == 0 {
		m.only[0].ready = slices.Clip(octets)
	} else {
		r.flush()
		for _, i := range r.owned {
			ready := &r.segments[i].ready
			n := len(*ready)
			*ready, octets = octets[:n:n], octets[n:]
		}
		if len(r.segments) == 1 {
			m.only[0] = r.segments[0]
		} else {
			m.several = slices.Clone(r.segments)
		}
	}
	m.size = m.segments().size()
	m.utf8 = r.eightBit // RFC 6532 section 3: fields of parts need SMTPUTF8 too
	m.eightBit, m.binary = m.utf8 || d.body.facts.EightBit, d.body.facts.Binary
	return m
}

// check judges what is not tied to one step's argument.
func (s *state) check() {
	switch {
	case s.from.IsEmpty():
		s.fault("From", "", errors.New("a message needs an author"))
	case len(s.from.entries) > 1 && s.sender.IsEmpty():
		s.fault("Sender", "", errors.New("required with several authors (RFC 5322 section 3.6.2)"))
	}
	if len(s.sender.entries) > 1 {
		s.fault("Sender", s.sender.entries[1].mailbox.String(), errors.New("want a single mailbox"))
	}
	if err := mimewire.CheckText(s.subject); err != nil {
		s.fault("Subject", s.subject, err)
	}
	s.checkDate()
	s.checkTwice()
	if s.messageID != "" && !isMessageID(bareID(s.messageID)) {
		s.fault("MessageID", s.messageID, errNoID)
	}
	if s.idDomain != "" && !isMessageID("x@"+s.idDomain) {
		s.fault("MessageIDDomain", s.idDomain, errors.New("want a domain name"))
	}
}

// checkDate judges the date.
func (s *state) checkDate() {
	const from, to = -2208988800, 253402300800 // the beginning of 1900, and of 10000
	_, offset := s.date.Zone()
	if local := s.date.Unix() + int64(offset); local < from || local >= to {
		s.fault("Date", s.date.Format(time.RFC3339), errors.New("want a year from 1900 to 9999 (RFC 5322 section 3.3)"))
	}
	if offset <= -24*3600 || offset >= 24*3600 {
		s.fault("Date", s.date.Format(time.RFC3339), errors.New("want a zone of less than 24 hours"))
	} else if offset%60 != 0 {
		s.date = s.date.UTC() // RFC 5322 section 3.3 has no seconds in zones
	}
}

// once are the fields of which a message may have one, besides those that Build writes: a second one makes readers
// choose, and filters, signatures and people choose differently.
var once = map[string]bool{
	"list-id": true, "list-unsubscribe": true, "list-unsubscribe-post": true, "list-subscribe": true, "list-post": true,
	"list-help": true, "list-owner": true, "list-archive": true, "auto-submitted": true, "precedence": true,
	"importance": true, "priority": true, "user-agent": true, "disposition-notification-to": true, "sensitivity": true,
	"return-path": true, "feedback-id": true, "x-priority": true, "require-recipient-valid-since": true, "tls-required": true,
}

// checkTwice refuses a field that may stand once and that two steps have written.
func (s *state) checkTwice() {
	if len(s.fields) < 2 {
		return
	}
	seen := map[string]bool{}
	for _, x := range s.fields {
		name := strings.ToLower(x.name)
		if seen[name] && once[name] {
			step := x.step
			if step == "" {
				step = "Header"
			}
			s.fault(step, x.name, errors.New("the message has this field already, and may have one"))
		}
		seen[name] = true
	}
}

// envelope derives the envelope: Sender or else the author; To, Cc and Bcc in order.
func (s *state) envelope() envelope.Envelope {
	if s.explicit != nil {
		return *s.explicit
	}
	var sender envelope.Address
	switch {
	case s.bounceTo != nil:
		sender = *s.bounceTo
	case !s.sender.IsEmpty():
		sender = s.sender.entries[0].mailbox.Address
	case !s.from.IsEmpty():
		sender = s.from.entries[0].mailbox.Address
	}
	if only := s.onlyRecipient(); !only.IsNull() && !s.asks {
		env, err := envelope.New(sender, only)
		if err != nil {
			s.errs = append(s.errs, err)
		}
		return env
	}
	var few [8]envelope.Recipient
	recipients := few[:0]
	add := func(m *Mailbox) {
		if !m.Address.IsNull() { // an address that did not parse is a fault already
			recipients = append(recipients, envelope.Recipient{Address: m.Address})
		}
	}
	for _, list := range [...]*AddressList{&s.to, &s.cc, &s.bcc} {
		for i := range list.entries {
			e := &list.entries[i]
			if e.group == nil {
				add(&e.mailbox)
				continue
			}
			for j := range e.group.Members {
				add(&e.group.Members[j])
			}
		}
	}
	if len(recipients) == 0 && len(s.errs) > 0 {
		return envelope.Envelope{}
	}
	env, err := envelope.NewWithOptions(sender, recipients, s.delivery)
	if err != nil {
		s.errs = append(s.errs, err)
	}
	return env
}

// onlyRecipient returns the only one, of To; the null address where there is none or where there are more.
func (s *state) onlyRecipient() envelope.Address {
	if len(s.to.entries) != 1 || len(s.cc.entries)+len(s.bcc.entries) > 0 {
		return envelope.Address{}
	}
	return s.to.entries[0].mailbox.Address // of a group it is null
}

// identity writes the Message-ID and returns it with its angle brackets: the caller's, or 128 random bits in the
// domain of the author.
func (s *state) identity(r *renderer) (id string, err error) {
	switch {
	case s.withoutID:
		return "", nil
	case s.messageID != "":
		id = "<" + bareID(s.messageID) + ">"
		r.Words("Message-ID", id)
		return id, nil
	}
	domain := s.idDomain
	if domain == "" {
		domain = s.from.entries[0].mailbox.Address.Domain()
	}
	r.Dst = append(r.Dst, "Message-ID: <"...)
	start := len(r.Dst) - len("<")
	if r.Dst, err = r.token(r.Dst); err != nil {
		return "", err
	}
	r.Dst = append(append(append(r.Dst, '@'), domain...), '>')
	id = string(r.Dst[start:])
	r.End()
	return id, nil
}

// header writes the fields up to MIME-Version, in the order readers are used to, and returns the Message-ID.
func (d *draft) header() (id string, err error) {
	s, r := &d.state, &d.renderer
	list := func(name string, l *AddressList) {
		if !l.IsEmpty() {
			r.list(name, l)
		}
	}
	list("From", &s.from)
	if !s.sender.IsEmpty() && (len(s.from.entries) != 1 || s.sender.entries[0] != s.from.entries[0]) { // RFC 5322 section 3.6.2
		list("Sender", &s.sender)
	}
	list("Reply-To", &s.replyTo)
	if s.to.IsEmpty() && s.cc.IsEmpty() {
		r.Words("To", "undisclosed-recipients:;")
	}
	list("To", &s.to)
	list("Cc", &s.cc)
	if s.keepBcc {
		list("Bcc", &s.bcc)
	}
	if s.subject != "" {
		r.TextField("Subject", s.subject)
	}
	r.Dst = d.dates.Append(append(r.Dst, "Date: "...), s.date)
	r.End()
	if id, err = s.identity(r); err != nil {
		return "", err
	}
	if len(s.inReplyTo) > 0 {
		r.Words("In-Reply-To", s.inReplyTo...)
	}
	if len(s.refs) > 0 {
		r.Words("References", s.refs...)
	}
	for _, f := range s.fields {
		r.field(f)
	}
	r.Dst = append(r.Dst, "MIME-Version: 1.0\r\n"...)
	return id, nil
}

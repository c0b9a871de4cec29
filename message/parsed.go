package message

import (
	"net/mail"
	"slices"
	"strings"
	"time"

	"github.com/depeche-mail/depeche/envelope"
)

// addresses reads all fields of a name. What can't be read is left out, element by element.
func (p *ParsedMessage) addresses(name string) AddressList {
	var all AddressList
	for _, f := range p.fields {
		if strings.EqualFold(f.name, name) {
			all.entries = append(all.entries, lenientList(p.raw(f)).entries...)
		}
	}
	return all
}

// lenientList reads an address list as other programs wrote it: with encoded-words, source routes and
// faults. An element that can't be read is skipped.
func lenientList(value string) AddressList {
	var all AddressList
	p := addressParser{text: value, decode: decodeWords, routes: true}
	for p.at < len(p.text) {
		p.blank()
		start := p.at
		e, err := p.entry()
		if err == nil && (p.at == len(p.text) || p.peek() == ',' || p.peek() == ';') {
			if e.group != nil || !e.mailbox.Address.IsNull() {
				e.clean()
				all.entries = append(all.entries, e)
			}
		} else if p.at == start {
			p.at++
		}
		for p.at < len(p.text) && p.peek() != ',' {
			p.at++
		}
		p.at++
	}
	return all
}

// clean takes out of names what encoded-words had hidden in them, so that they can be written again.
func (e *addressEntry) clean() {
	e.mailbox.Name = withoutControls(e.mailbox.Name)
	if e.group == nil {
		return
	}
	e.group.Name = withoutControls(e.group.Name)
	for i := range e.group.Members {
		e.group.Members[i].Name = withoutControls(e.group.Members[i].Name)
	}
}

// withoutControls replaces control characters, which no field can hold, by spaces.
func withoutControls(s string) string {
	if !hasControl(s) {
		return s
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\t' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
}

// From returns the authors.
func (p *ParsedMessage) From() []Mailbox { return p.addresses("From").Mailboxes() }

// ReplyTo returns whom replies go to: Reply-To, or else From.
func (p *ParsedMessage) ReplyTo() []Mailbox {
	if to := p.addresses("Reply-To").Mailboxes(); len(to) > 0 {
		return to
	}
	return p.From()
}

// To returns the recipients of the To field.
func (p *ParsedMessage) To() AddressList { return p.addresses("To") }

// Cc returns the recipients of the Cc field.
func (p *ParsedMessage) Cc() AddressList { return p.addresses("Cc") }

// Subject returns the subject, decoded.
func (p *ParsedMessage) Subject() string { return p.Header("Subject") }

// Date returns the date; the zero time when there is none that can be read.
func (p *ParsedMessage) Date() time.Time {
	date, err := mail.ParseDate(p.first("Date"))
	if err != nil {
		return time.Time{}
	}
	return date
}

// MessageID returns the Message-ID with its angle brackets; "" for none that is well-formed.
func (p *ParsedMessage) MessageID() string {
	if ids := messageIDs(p.first("Message-ID")); len(ids) > 0 {
		return ids[0]
	}
	return ""
}

// MessageIDGiven reports whether the message has a Message-ID: it stays the same.
func (p *ParsedMessage) MessageIDGiven() bool { return p.MessageID() != "" }

// References returns the Message-IDs of the thread, oldest first: those of References, or else of
// In-Reply-To (RFC 5322 section 3.6.4).
func (p *ParsedMessage) References() []string {
	if ids := messageIDs(p.first("References")); len(ids) > 0 {
		return ids
	}
	return messageIDs(p.first("In-Reply-To"))
}

// messageIDs finds the message identifiers in a value.
func messageIDs(value string) []string {
	var ids []string
	for {
		_, rest, found := strings.Cut(value, "<")
		id, after, closed := strings.Cut(rest, ">")
		if !found || !closed {
			return ids
		}
		if isMessageID(id) {
			ids = append(ids, "<"+id+">")
		}
		value = after
	}
}

// derive returns the envelope that the fields say.
func (p *ParsedMessage) derive() envelope.Envelope {
	block := p.resent()
	prefix := ""
	if block != nil {
		prefix = "Resent-"
	} else {
		block = p.fields
	}
	list := func(name string) []Mailbox {
		var all []Mailbox
		for _, f := range block {
			if strings.EqualFold(f.name, prefix+name) {
				all = append(all, lenientList(p.raw(f)).Mailboxes()...)
			}
		}
		return all
	}
	var sender envelope.Address
	if from := append(list("Sender"), list("From")...); len(from) > 0 {
		sender = from[0].Address
	}
	var to []envelope.Address
	for _, m := range slices.Concat(list("To"), list("Cc"), list("Bcc")) {
		to = append(to, m.Address)
	}
	env, err := envelope.New(sender, to...)
	if err != nil {
		return envelope.Envelope{}
	}
	return env
}

// resent returns the fields of the topmost Resent block; nil when there is none. A block ends where
// one of its fields would occur twice or another field stands between.
func (p *ParsedMessage) resent() []span {
	var block []span
	seen := map[string]bool{}
	for _, f := range p.fields {
		name := strings.ToLower(f.name)
		if !strings.HasPrefix(name, "resent-") {
			if len(block) > 0 {
				return block
			}
			continue
		}
		if seen[name] {
			return block
		}
		seen[name] = true
		block = append(block, f)
	}
	return block
}

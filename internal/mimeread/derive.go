package mimeread

import (
	"errors"
	"strings"

	"github.com/depeche-mail/depeche/envelope"
)

// Envelope returns the envelope that the header fields say: that of the topmost Resent block if there is one
// (RFC 5322 section 3.6.6); Sender or else the first From; To, Cc and Bcc in order, each address once.
//
// Where an element of the fields that decide can't be read for certain, or they name no sender or no recipient,
// it is the zero Envelope with the reason, a *[envelope.FieldError] for what can't be read: no recipient may be left
// out in silence.
func (s *Section) Envelope() (envelope.Envelope, error) {
	fields, prefix := s.resent(), "Resent-"
	if fields == nil {
		fields, prefix = s.Fields, ""
	}
	d := deriver{section: s, fields: fields, prefix: prefix}
	sender := d.sender()
	var to []envelope.Address
	for _, name := range []string{"To", "Cc", "Bcc"} {
		for _, m := range d.list(name) {
			to = append(to, m.Address)
		}
	}
	if len(d.errs) > 0 {
		return envelope.Envelope{}, errors.Join(d.errs...)
	}
	return envelope.New(sender, to...)
}

// deriver reads the fields that decide about an envelope.
type deriver struct {
	section *Section
	fields  []Field
	prefix  string
	errs    []error
}

// list reads all fields of a name.
func (d *deriver) list(name string) []Mailbox {
	name = d.prefix + name
	list, errs := d.section.addresses(d.fields, name)
	d.errs = append(d.errs, errs...)
	return list.Mailboxes()
}

// sender returns the address of Sender, or else of the first author. A message without either field is sent from the null
// path; an author who can't be read is never taken for that, because no bounce would come back.
func (d *deriver) sender() envelope.Address {
	for _, name := range []string{"Sender", "From"} {
		if list := d.list(name); len(list) > 0 {
			return list[0].Address
		}
	}
	if len(d.errs) == 0 && (d.prefix != "" || d.has("From", "Sender")) { // RFC 5322 section 3.6.6 wants Resent-From
		d.errs = append(d.errs, &envelope.FieldError{Field: d.prefix + "From", Err: errNoSender})
	}
	return envelope.Address{}
}

// has reports whether there is a field of one of the names.
func (d *deriver) has(names ...string) bool {
	for _, f := range d.fields {
		for _, name := range names {
			if strings.EqualFold(f.Name, d.prefix+name) {
				return true
			}
		}
	}
	return false
}

var errNoSender = errors.New("no field says who sends; give the message an envelope")

// Addresses reads all address fields of a name. The errors, each a *[envelope.FieldError], name what can't be read.
func (s *Section) Addresses(name string) (Addresses, []error) {
	return s.addresses(s.Fields, name)
}

func (s *Section) addresses(fields []Field, name string) (all Addresses, errs []error) {
	charset := s.Charset() // which looks at all fields
	for _, f := range fields {
		if !strings.EqualFold(f.Name, name) {
			continue
		}
		list := ParseAddresses(s.Raw(f), charset)
		all.Entries = append(all.Entries, list.Entries...)
		for _, u := range list.Unreadable {
			all.Unreadable = append(all.Unreadable, u)
			errs = append(errs, &envelope.FieldError{Field: name, Index: u.Index, Value: u.Text, Err: unreadableError(u.Reason)})
		}
	}
	return all, errs
}

type unreadableError string

func (e unreadableError) Error() string { return "can't be read: " + string(e) }

// Charset returns the charset of the body; "" when it does not say.
func (s *Section) Charset() string {
	return ParseHeader(s.First("Content-Type"), "").Params["charset"]
}

// resent returns the fields of the topmost Resent block; nil without one. A block ends where one of its
// fields would occur twice or another field stands between.
func (s *Section) resent() []Field {
	var block []Field
	seen := map[string]bool{}
	for _, f := range s.Fields {
		name := strings.ToLower(f.Name)
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

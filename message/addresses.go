package message

import (
	"errors"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/internal/mimewire"
)

var (
	errOneMailbox = errors.New("want a mailbox, not a group")
	// A string is one mailbox and nothing else: one that users typed must not become several recipients.
	errGroupText = errors.New("want one mailbox, and this is a group: give a group to ToList, CcList or ReplyToList")
)

// mayGroup names the steps whose fields may hold groups (RFC 5322 sections 3.6.2 and 3.6.3).
var mayGroup = map[string]bool{"To": true, "Cc": true, "ReplyTo": true}

// addresses appends parsed strings to the list that pick chooses.
func (b Builder) addresses(step string, pick func(*state) *AddressList, list []string) Builder {
	return b.step(func(s *state) {
		to := pick(s)
		for _, text := range list {
			e := s.add(to)
			err := e.parse(text)
			if err == nil && e.group != nil {
				err = errGroupText
			}
			if err != nil {
				s.errs = append(s.errs, &FieldError{Field: step, Index: len(to.entries) - 1, Value: text, Err: err})
				*e = addressEntry{}
			}
		}
	})
}

// parse reads one mailbox or one group.
func (e *addressEntry) parse(text string) error {
	if e.mailbox.parseUsual(text) {
		return mimewire.CheckText(e.mailbox.Name) // the address is one of a message
	}
	p := addressParser{text: text}
	p.blank()
	err := p.entry(e)
	if err == nil {
		err = p.expectEnd()
	}
	switch {
	case err != nil:
		return err
	case e.group != nil:
		return e.group.check()
	}
	return e.mailbox.check()
}

// check judges an entry that was read or made elsewhere.
func (e *addressEntry) check(mayBeGroup bool) error {
	switch {
	case e.group == nil:
		return e.mailbox.check()
	case !mayBeGroup:
		return errOneMailbox
	}
	return e.group.check()
}

// entries appends typed addresses to the list that pick chooses.
func (b Builder) entries(step string, pick func(*state) *AddressList, list AddressList) Builder {
	return b.step(func(s *state) {
		to := pick(s)
		for i := range list.entries {
			e := &list.entries[i]
			value := e.mailbox.Name
			if e.group != nil {
				value = e.group.Name
			}
			err := e.check(mayGroup[step])
			if err != nil {
				if unread, ok := errors.AsType[*envelope.ParseError](err); ok {
					value = unread.Input
				}
				s.errs = append(s.errs, &FieldError{Field: step, Index: len(to.entries), Value: value, Err: err})
			}
			*s.add(to) = *e
		}
	})
}

func from(s *state) *AddressList    { return &s.from }
func sender(s *state) *AddressList  { return &s.sender }
func replyTo(s *state) *AddressList { return &s.replyTo }
func to(s *state) *AddressList      { return &s.to }
func cc(s *state) *AddressList      { return &s.cc }
func bcc(s *state) *AddressList     { return &s.bcc }

// From adds an author. Each string is one mailbox, "Name <a@b>" or "a@b". At least one is required;
// with several, Sender is required too (RFC 5322 section 3.6.2).
func (b Builder) From(mailbox ...string) Builder { return b.addresses("From", from, mailbox) }

// FromNamed is From for a name and an address that come from elsewhere; see [Builder.ToNamed].
func (b Builder) FromNamed(name, address string) Builder {
	return b.FromMailbox(NewMailbox(name, address))
}

// FromMailbox is From for data.
func (b Builder) FromMailbox(m ...Mailbox) Builder { return b.entries("From", from, Mailboxes(m...)) }

// Sender sets who handed the message in, when that is not the author. It becomes the envelope's
// sender. One that equals a single author is not written.
func (b Builder) Sender(mailbox string) Builder {
	return b.addresses("Sender", sender, []string{mailbox})
}

// SenderMailbox is Sender for data.
func (b Builder) SenderMailbox(m Mailbox) Builder { return b.entries("Sender", sender, Mailboxes(m)) }

// ReplyTo adds whom replies go to instead of From. Each string is one mailbox.
func (b Builder) ReplyTo(mailbox ...string) Builder {
	return b.addresses("ReplyTo", replyTo, mailbox)
}

// ReplyToNamed is ReplyTo for a name and an address that come from elsewhere; see [Builder.ToNamed].
func (b Builder) ReplyToNamed(name, address string) Builder {
	return b.ReplyToMailbox(NewMailbox(name, address))
}

// ReplyToMailbox is ReplyTo for data.
func (b Builder) ReplyToMailbox(m ...Mailbox) Builder {
	return b.entries("ReplyTo", replyTo, Mailboxes(m...))
}

// ReplyToList is ReplyTo for data with groups.
func (b Builder) ReplyToList(l AddressList) Builder { return b.entries("ReplyTo", replyTo, l) }

// To adds recipients. Each string is one mailbox, "Name <a@b>" or "a@b".
func (b Builder) To(mailbox ...string) Builder { return b.addresses("To", to, mailbox) }

// ToNamed is To for a name and an address that come from elsewhere, such as the two fields of a web form or of a row of a
// table. The name may be any text, or "", and the address is never taken for more than one: it is ToMailbox with what
// [NewMailbox] returns.
func (b Builder) ToNamed(name, address string) Builder { return b.ToMailbox(NewMailbox(name, address)) }

// ToMailbox is To for data.
func (b Builder) ToMailbox(m ...Mailbox) Builder { return b.entries("To", to, Mailboxes(m...)) }

// ToList is To for data with groups. The members of a group are recipients.
func (b Builder) ToList(l AddressList) Builder { return b.entries("To", to, l) }

// Cc adds recipients of a copy. Each string is one mailbox.
func (b Builder) Cc(mailbox ...string) Builder { return b.addresses("Cc", cc, mailbox) }

// CcNamed is Cc for a name and an address that come from elsewhere; see [Builder.ToNamed].
func (b Builder) CcNamed(name, address string) Builder { return b.CcMailbox(NewMailbox(name, address)) }

// CcMailbox is Cc for data.
func (b Builder) CcMailbox(m ...Mailbox) Builder { return b.entries("Cc", cc, Mailboxes(m...)) }

// CcList is Cc for data with groups.
func (b Builder) CcList(l AddressList) Builder { return b.entries("Cc", cc, l) }

// Bcc adds recipients whom the others do not see: they are in the envelope only.
func (b Builder) Bcc(mailbox ...string) Builder { return b.addresses("Bcc", bcc, mailbox) }

// BccNamed is Bcc for a name and an address that come from elsewhere; see [Builder.ToNamed].
func (b Builder) BccNamed(name, address string) Builder {
	return b.BccMailbox(NewMailbox(name, address))
}

// BccMailbox is Bcc for data.
func (b Builder) BccMailbox(m ...Mailbox) Builder { return b.entries("Bcc", bcc, Mailboxes(m...)) }

package eml

import (
	"errors"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/depeche-mail/depeche/internal/mimeread"
	"github.com/depeche-mail/depeche/message"
)

// Fields returns the names and decoded values of all header fields in order.
func (m *Message) Fields() iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		charset := m.section.Charset()
		for _, f := range m.section.Fields {
			if !yield(f.Name, mimeread.Text(m.section.Raw(f), charset)) {
				return
			}
		}
	}
}

// Header returns the decoded value of the first field of a name, in any case; "" without one.
func (m *Message) Header(name string) string {
	return mimeread.Text(m.section.First(name), m.section.Charset())
}

// people reads all fields of a name.
func (m *Message) people(name string) (message.AddressList, error) {
	found, errs := m.section.Addresses(name)
	lists := make([]message.AddressList, 0, len(found.Entries))
	for _, e := range found.Entries {
		switch {
		case e.Group == nil:
			lists = append(lists, message.Mailboxes(mailboxes([]mimeread.Mailbox{e.Mailbox})...))
		case e.Group.Name == "":
			lists = append(lists, message.Mailboxes(mailboxes(e.Group.Members)...))
		default:
			lists = append(lists, message.AddressList{}.WithGroup(message.Group{Name: e.Group.Name, Members: mailboxes(e.Group.Members)}))
		}
	}
	return message.AddressList{}.WithLists(lists...), errors.Join(errs...)
}

func mailboxes(found []mimeread.Mailbox) []message.Mailbox {
	list := make([]message.Mailbox, len(found))
	for i, m := range found {
		list[i] = message.Mailbox{Name: m.Name, Address: m.Address}
	}
	return list
}

// From returns the authors. The error names what can't be read, each a [*envelope.FieldError]; the others are
// returned with it.
func (m *Message) From() ([]message.Mailbox, error) {
	list, err := m.people("From")
	return list.Mailboxes(), err
}

// ReplyTo returns whom replies go to: Reply-To, or else From. The error is as that of From.
func (m *Message) ReplyTo() ([]message.Mailbox, error) {
	list, err := m.people("Reply-To")
	if to := list.Mailboxes(); len(to) > 0 {
		return to, err
	}
	from, failed := m.From()
	return from, errors.Join(err, failed)
}

// To returns the recipients of the To fields. The error is as that of From.
func (m *Message) To() (message.AddressList, error) { return m.people("To") }

// Cc returns the recipients of the Cc fields. The error is as that of From.
func (m *Message) Cc() (message.AddressList, error) { return m.people("Cc") }

// Bcc returns the blind recipients, if the mail is a draft or a copy of the sender. The error is as that of From.
func (m *Message) Bcc() (message.AddressList, error) { return m.people("Bcc") }

// Subject returns the subject, decoded.
func (m *Message) Subject() string { return m.Header("Subject") }

// Date returns the date; the zero time when there is none that can be read. It does not depend on the zone of the
// machine.
func (m *Message) Date() time.Time { return mimeread.ParseDate(m.section.First("Date")) }

// MessageID returns the Message-ID with its angle brackets; "" for none that can be read.
func (m *Message) MessageID() string {
	if ids := mimeread.MessageIDs(m.section.First("Message-ID"), true); len(ids) > 0 {
		return ids[0]
	}
	return ""
}

// References returns the Message-IDs of the thread, oldest first: those of References, or else of
// In-Reply-To (RFC 5322 section 3.6.4).
func (m *Message) References() []string {
	if ids := mimeread.MessageIDs(m.section.First("References"), true); len(ids) > 0 {
		return ids
	}
	return mimeread.MessageIDs(m.section.First("In-Reply-To"), false)
}

// isOwn reports whether all of the mailboxes are one of a person.
func isOwn(list []message.Mailbox, person message.Mailbox) bool {
	return len(list) > 0 && !slices.ContainsFunc(list, func(m message.Mailbox) bool { return !sameAddress(m, person) })
}

// sameAddress reports whether two mailboxes are one for all practical purposes. RFC 5321 section 2.4 leaves the
// case of local parts to their domain, and no domain is known to tell them apart.
func sameAddress(a, b message.Mailbox) bool {
	return strings.EqualFold(a.Address.String(), b.Address.String())
}

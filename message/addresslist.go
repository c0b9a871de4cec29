package message

import (
	"slices"
	"strings"

	"github.com/depeche-mail/depeche/internal/mimewire"
)

// Group is a named list of mailboxes, which may be empty: "Friends: a@b, c@d;".
type Group struct {
	Name    string
	Members []Mailbox
}

// String returns the group as people write it.
func (g Group) String() string {
	members := make([]string, len(g.Members))
	for i, m := range g.Members {
		members[i] = m.String()
	}
	return quotePhrase(g.Name) + ": " + strings.Join(members, ", ") + ";"
}

func (g Group) check() error {
	if g.Name == "" {
		return errGroupName
	}
	for _, m := range g.Members {
		if err := m.check(); err != nil {
			return err
		}
	}
	return mimewire.CheckText(g.Name)
}

// AddressList is the content of an address field: mailboxes and groups in order. It is immutable;
// its methods return new lists. The zero AddressList is empty.
type AddressList struct{ entries []addressEntry }

// addressEntry is a mailbox, or a group.
type addressEntry struct {
	mailbox Mailbox
	group   *Group
}

// Mailboxes returns a list of mailboxes.
func Mailboxes(m ...Mailbox) AddressList { return AddressList{}.With(m...) }

// ParseAddressList parses mailboxes and groups separated by commas (RFC 5322 section 3.4). Comments
// and empty elements are dropped. Encoded-words are not decoded. The time it takes is linear in the
// length of s. Errors are *[envelope.ParseError].
func ParseAddressList(s string) (AddressList, error) {
	p := addressParser{text: s}
	return p.list()
}

// With returns the list with mailboxes after it.
func (l AddressList) With(m ...Mailbox) AddressList {
	entries := slices.Grow(slices.Clip(l.entries), len(m))
	for _, mailbox := range m {
		entries = append(entries, addressEntry{mailbox: mailbox})
	}
	return AddressList{entries}
}

// WithGroup returns the list with a group after it.
func (l AddressList) WithGroup(g Group) AddressList {
	g.Members = slices.Clone(g.Members)
	return AddressList{append(slices.Clip(l.entries), addressEntry{group: &g})}
}

// WithLists returns the list with others after it.
func (l AddressList) WithLists(others ...AddressList) AddressList {
	entries := slices.Clip(l.entries)
	for _, other := range others {
		entries = append(entries, other.entries...)
	}
	return AddressList{entries}
}

// IsEmpty reports whether the list has neither a mailbox nor a group.
func (l AddressList) IsEmpty() bool { return len(l.entries) == 0 }

// Mailboxes returns all mailboxes in order, those of groups too.
func (l AddressList) Mailboxes() []Mailbox {
	var all []Mailbox
	for _, e := range l.entries {
		if e.group != nil {
			all = append(all, e.group.Members...)
		} else {
			all = append(all, e.mailbox)
		}
	}
	return all
}

// Groups returns the groups in order.
func (l AddressList) Groups() []Group {
	var groups []Group
	for _, e := range l.entries {
		if e.group != nil {
			groups = append(groups, Group{e.group.Name, slices.Clone(e.group.Members)})
		}
	}
	return groups
}

// String returns the list as people write it.
func (l AddressList) String() string {
	entries := make([]string, len(l.entries))
	for i, e := range l.entries {
		if e.group != nil {
			entries[i] = e.group.String()
		} else {
			entries[i] = e.mailbox.String()
		}
	}
	return strings.Join(entries, ", ")
}

// MarshalText returns what String returns.
func (l AddressList) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// UnmarshalText reads what ParseAddressList reads; empty text is the empty list.
func (l *AddressList) UnmarshalText(text []byte) error {
	parsed, err := ParseAddressList(string(text))
	if err == nil {
		*l = parsed
	}
	return err
}

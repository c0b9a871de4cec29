package message

import (
	"errors"
	"net/mail"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/internal/mimewire"
)

// Mailbox is an address with the name that readers see.
type Mailbox struct {
	Name    string // any text; "" for none
	Address envelope.Address

	fault error // why NewMailbox could not read the address
}

// NewMailbox returns the mailbox of a name and an address that come from a user, such as the two fields of a web
// form. The name may be any text, and the address is never taken for more than one. What cannot be used is an
// error of Build, or of [Mailbox.Err] for a program that wants to know at once.
func NewMailbox(name, address string) Mailbox {
	m := Mailbox{Name: name}
	m.Address, m.fault = envelope.ParseAddress(address)
	return m
}

// FromNetMail returns an address of package net/mail as a mailbox. What cannot be used is an error of Build.
func FromNetMail(address mail.Address) Mailbox { return NewMailbox(address.Name, address.Address) }

// Err returns what makes m unusable in a message, nil when it can be used.
func (m Mailbox) Err() error { return m.check() }

// ParseMailbox parses one mailbox: "a@b", "<a@b>", "Name <a@b>" or `"Name, quoted" <a@b>`, with
// comments in parentheses, which are dropped. A list is refused, and so is anything after the
// mailbox. Encoded-words of RFC 2047 are not decoded: a name is what it looks like.
func ParseMailbox(s string) (Mailbox, error) {
	p := addressParser{text: s}
	p.blank()
	var m Mailbox
	err := p.mailbox(&m)
	if err == nil {
		err = p.expectEnd()
	}
	if err != nil {
		return Mailbox{}, err
	}
	return m, m.check()
}

// check returns what makes m unusable in a header field.
func (m *Mailbox) check() error {
	switch {
	case m.fault != nil:
		return m.fault
	case m.Address.IsNull():
		return errors.New("a mailbox needs an address")
	case m.Address.IsPostmaster(): // RFC 5322 section 3.4.1
		return envelope.ErrNoDomain
	}
	return mimewire.CheckText(m.Name)
}

// String returns the mailbox as people write it, with the name quoted where it has to be.
func (m Mailbox) String() string {
	if m.Name == "" {
		return m.Address.String()
	}
	return quotePhrase(m.Name) + " <" + m.Address.String() + ">"
}

// MarshalText returns what String returns; the zero Mailbox becomes empty text.
func (m Mailbox) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText reads what ParseMailbox reads; empty text is the zero Mailbox.
func (m *Mailbox) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*m = Mailbox{}
		return nil
	}
	parsed, err := ParseMailbox(string(text))
	if err == nil {
		*m = parsed
	}
	return err
}

// quotePhrase quotes name unless it consists of atoms and single spaces.
func quotePhrase(name string) string {
	if mimewire.IsAtoms(name) {
		return name
	}
	return string(mimewire.AppendQuoted(nil, name))
}

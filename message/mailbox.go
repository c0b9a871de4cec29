package message

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/depeche-mail/depeche/envelope"
)

// Mailbox is an address with the name that readers see.
type Mailbox struct {
	Name    string // any text; "" for none
	Address envelope.Address
}

// ParseMailbox parses one mailbox: "a@b", "<a@b>", "Name <a@b>" or `"Name, quoted" <a@b>`. A list
// is refused, and so is anything behind the mailbox.
func ParseMailbox(s string) (Mailbox, error) {
	text := strings.Trim(s, " \t")
	open := strings.LastIndexByte(text, '<')
	if open < 0 || !strings.HasSuffix(text, ">") {
		address, err := envelope.ParseAddress(text)
		return Mailbox{Address: address}, err
	}
	address, err := envelope.ParseAddress(text[open+1 : len(text)-1])
	if err != nil {
		return Mailbox{}, err
	}
	name, err := parsePhrase(strings.Trim(text[:open], " \t"))
	if err != nil {
		return Mailbox{}, fmt.Errorf("name of mailbox: %w", err)
	}
	m := Mailbox{Name: name, Address: address}
	return m, m.check()
}

// parsePhrase reads a display name: one quoted string, or text without the characters that have a
// meaning of their own in an address list (RFC 5322 section 3.2.3).
func parsePhrase(s string) (string, error) {
	if !strings.HasPrefix(s, `"`) {
		if i := strings.IndexAny(s, `"<>()[],;:\@`); i >= 0 {
			return "", fmt.Errorf("%q must be quoted", s[i])
		}
		return s, nil
	}
	var name strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '"' && i == len(s)-1:
			return name.String(), nil
		case s[i] == '"':
			return "", errors.New("text after the closing quote")
		case s[i] == '\\' && i+1 < len(s):
			i++
		}
		name.WriteByte(s[i])
	}
	return "", errors.New("unfinished quoted string")
}

// check returns what makes m unusable in a header field.
func (m Mailbox) check() error {
	switch {
	case m.Address.IsNull():
		return errors.New("a mailbox needs an address")
	case !utf8.ValidString(m.Name):
		return errNotUTF8
	case hasControl(m.Name):
		return errControl
	}
	return nil
}

// String returns the mailbox as people write it, with the name quoted where it has to be.
func (m Mailbox) String() string {
	if m.Name == "" {
		return m.Address.String()
	}
	return quotePhrase(m.Name) + " <" + m.Address.String() + ">"
}

// quotePhrase quotes name unless it consists of atoms and spaces.
func quotePhrase(name string) string {
	plain := func(r rune) bool {
		return r == ' ' || r >= utf8.RuneSelf || strings.ContainsRune("!#$%&'*+-/=?^_`{|}~", r) ||
			'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
	}
	if strings.IndexFunc(name, func(r rune) bool { return !plain(r) }) < 0 && strings.TrimSpace(name) == name {
		return name
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(name) + `"`
}

var (
	errNotUTF8 = errors.New("not valid UTF-8")
	errControl = errors.New("control character")
)

// hasControl reports whether s holds a character that could end a line or a field. Tab is none.
func hasControl(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f })
}

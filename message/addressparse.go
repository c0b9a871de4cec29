package message

import (
	"errors"
	"strings"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/internal/mimewire"
)

var errGroupName = errors.New("a group needs a name")

// addressParser reads the address grammar of RFC 5322 section 3.4 and the obsolete forms of section
// 4.4. It looks at each octet a fixed number of times. It is for what a program writes; mail of others is
// read by package eml.
type addressParser struct {
	text string
	at   int
}

func (p *addressParser) fault(reason string) error {
	return &envelope.ParseError{Input: p.text, Offset: p.at, Reason: reason}
}

func (p *addressParser) peek() byte {
	if p.at < len(p.text) {
		return p.text[p.at]
	}
	return 0
}

func (p *addressParser) expectEnd() error {
	if p.at < len(p.text) {
		return p.fault("more after the mailbox")
	}
	return nil
}

// blank skips white space and comments (RFC 5322 section 3.2.2).
func (p *addressParser) blank() {
	for p.at < len(p.text) {
		switch p.text[p.at] {
		case ' ', '\t', '\r', '\n':
			p.at++
		case '(':
			if !p.skipComment() {
				return
			}
		default:
			return
		}
	}
}

// skipComment skips one comment with what is nested in it, or nothing when it does not end.
func (p *addressParser) skipComment() bool {
	depth := 0
	for i := p.at; i < len(p.text); i++ {
		switch p.text[i] {
		case '\\':
			i++
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				p.at = i + 1
				return true
			}
		}
	}
	return false
}

// list reads everything.
func (p *addressParser) list() (AddressList, error) {
	var l AddressList
	for {
		p.blank()
		switch {
		case p.at == len(p.text):
			return l, nil
		case p.peek() == ',': // an empty element
			p.at++
			continue
		}
		l.entries = append(l.entries, addressEntry{})
		if err := p.entry(&l.entries[len(l.entries)-1]); err != nil {
			return AddressList{}, err
		}
		if p.at < len(p.text) && p.peek() != ',' {
			return AddressList{}, p.fault("expected a comma")
		}
	}
}

// entry reads a mailbox or a group into e.
func (p *addressParser) entry(e *addressEntry) error {
	start := p.at
	name, err := p.phrase()
	if err != nil {
		return err
	}
	if p.peek() != ':' || name == "" {
		return p.named(&e.mailbox, start, name)
	}
	p.at++
	e.group = &Group{Name: name}
	for {
		p.blank()
		switch p.peek() {
		case ',':
			p.at++
			continue
		case ';':
			p.at++
			p.blank()
			return nil
		}
		var m Mailbox
		if err := p.mailbox(&m); err != nil {
			return err
		}
		e.group.Members = append(e.group.Members, m)
		if c := p.peek(); c != ',' && c != ';' {
			return p.fault("expected a comma or the semicolon that ends the group")
		}
	}
}

// mailbox reads a name and an address in angle brackets, or an address alone, with the white space
// after it, into m.
func (p *addressParser) mailbox(m *Mailbox) error {
	start := p.at
	name, err := p.phrase()
	if err != nil {
		return err
	}
	return p.named(m, start, name)
}

// named reads what follows a phrase that began at start.
func (p *addressParser) named(m *Mailbox, start int, name string) (err error) {
	if p.peek() != '<' {
		p.at = start
		m.Address, err = p.address()
		p.blank()
		return err
	}
	p.at++
	p.blank()
	if c := p.peek(); c == '@' || c == ',' {
		return p.fault("source route")
	}
	m.Name = name
	if m.Address, err = p.address(); err != nil {
		return err
	}
	p.blank()
	if p.peek() != '>' {
		return p.fault("expected >")
	}
	p.at++
	p.blank()
	return nil
}

// phrase reads the words before an address or a group: atoms, quoted strings and, as obsolete
// phrases may have them, dots. What it returns has single spaces between words. It stops at the
// first octet that can't be part of a phrase.
func (p *addressParser) phrase() (string, error) {
	var words phraseWords
	for {
		before := p.at
		p.blank()
		words.space = words.space || p.at > before
		switch c := p.peek(); {
		case c == '"':
			word, err := p.quoted()
			if err != nil {
				return "", err
			}
			words.add(word)
		case c == '.' || mimewire.IsAtomChar(c):
			start := p.at
			p.at = p.wordEnd(start)
			words.add(p.text[start:p.at])
		default:
			return words.String(), nil
		}
	}
}

// phraseWords joins the words of a phrase.
type phraseWords struct {
	one   string          // the phrase, while it has one word only
	text  strings.Builder // the phrase, when it has more
	words int
	space bool // white space was skipped
}

func (w *phraseWords) add(word string) {
	if w.words++; w.words == 1 {
		w.one = word
	} else {
		if w.words == 2 {
			w.text.WriteString(w.one)
		}
		if w.space {
			w.text.WriteByte(' ')
		}
		w.text.WriteString(word)
	}
	w.space = false
}

func (w *phraseWords) String() string {
	if w.words < 2 {
		return w.one
	}
	return w.text.String()
}

// quoted reads a quoted string, without folds in it.
func (p *addressParser) quoted() (string, error) {
	var text strings.Builder
	for i := p.at + 1; i < len(p.text); i++ {
		switch c := p.text[i]; c {
		case '"':
			p.at = i + 1
			return text.String(), nil
		case '\\':
			if i++; i == len(p.text) {
				return "", p.fault("unfinished quoted string")
			}
		}
		text.WriteByte(p.text[i])
	}
	return "", p.fault("unfinished quoted string")
}

// address reads local part, @ and domain; white space and comments may stand around dots
// (RFC 5322 section 4.4).
func (p *addressParser) address() (envelope.Address, error) {
	p.blank()
	if address, ok := p.usualAddress(); ok {
		return address, nil
	}
	begin := p.at
	local, err := p.local()
	if err != nil {
		return envelope.Address{}, err
	}
	if p.peek() != '@' {
		return envelope.Address{}, p.fault("expected @")
	}
	p.at++
	p.blank()
	start := p.at
	domain := p.domain()
	end := p.at
	address, err := newAddress(p.text[begin:end], local, domain)
	if err != nil {
		var parse *envelope.ParseError
		if errors.As(err, &parse) {
			p.at = start
			err = p.fault(parse.Reason)
		}
		p.at = end
	}
	return address, err
}

// usualAddress reads an address that fills its brackets, or of two words that ends with the text or before a mark. It leaves any
// other where it is.
func (p *addressParser) usualAddress() (envelope.Address, bool) {
	end := p.at
	if p.at > 0 && p.text[p.at-1] == '<' {
		if n := strings.IndexByte(p.text[p.at:], '>'); n >= 0 {
			end = p.at + n
		}
	} else if at := p.wordEnd(p.at); at < len(p.text) && p.text[at] == '@' {
		end = p.wordEnd(at + 1)
		if end < len(p.text) && strings.IndexByte(",;", p.text[end]) < 0 {
			return envelope.Address{}, false
		}
	}
	if end == p.at {
		return envelope.Address{}, false
	}
	address, err := envelope.ParseAddress(p.text[p.at:end])
	if err != nil {
		return envelope.Address{}, false
	}
	p.at = end
	return address, true
}

// parseUsual reads an address alone, or in brackets after atoms with single spaces between them, as most mailboxes are written; it
// reports false for all others, good or not.
func (m *Mailbox) parseUsual(text string) bool {
	name, inner := "", text
	if open := strings.IndexByte(text, '<'); open >= 0 {
		if open < 2 || text[open-1] != ' ' || text[len(text)-1] != '>' || !mimewire.IsAtoms(text[:open-1]) {
			return false
		}
		name, inner = text[:open-1], text[open+1:len(text)-1]
	}
	address, err := envelope.ParseAddress(inner)
	if err != nil || address.IsPostmaster() { // in brackets of its own
		return false
	}
	m.Name, m.Address = name, address
	return true
}

// newAddress makes an address of its parts. Where they stand in raw as they are, it shares the memory of raw.
func newAddress(raw, local, domain string) (envelope.Address, error) {
	if n := len(local); len(raw) == n+len("@")+len(domain) && raw[:n] == local && raw[n+1:] == domain {
		return envelope.ParseAddress(raw)
	}
	return envelope.NewAddress(local, domain)
}

// local reads words joined by dots.
func (p *addressParser) local() (string, error) {
	var local strings.Builder
	for word := true; ; word = !word {
		p.blank()
		c := p.peek()
		switch {
		case word && c == '"':
			text, err := p.quoted()
			if err != nil {
				return "", err
			}
			local.WriteString(text)
		case word && mimewire.IsAtomChar(c):
			start := p.at
			for p.at < len(p.text) && mimewire.IsAtomChar(p.text[p.at]) {
				p.at++
			}
			local.WriteString(p.text[start:p.at])
		case word:
			return "", p.fault("expected a local part")
		case c != '.':
			return local.String(), nil
		default:
			local.WriteByte('.')
			p.at++
		}
	}
}

// wordEnd returns where the atoms and dots end that begin at a place.
func (p *addressParser) wordEnd(at int) int {
	for at < len(p.text) && (p.text[at] == '.' || mimewire.IsAtomChar(p.text[at])) {
		at++
	}
	return at
}

// domain reads atoms joined by dots, or a literal in brackets. It is judged by the caller.
func (p *addressParser) domain() string {
	if p.peek() == '[' {
		start := p.at
		for p.at < len(p.text) && p.text[p.at] != ']' {
			p.at++
		}
		p.at = min(p.at+1, len(p.text))
		return p.text[start:p.at]
	}
	var domain strings.Builder
	for {
		start := p.at
		for p.at < len(p.text) && mimewire.IsAtomChar(p.text[p.at]) {
			p.at++
		}
		domain.WriteString(p.text[start:p.at])
		p.blank()
		if p.peek() != '.' {
			return domain.String()
		}
		domain.WriteByte('.')
		p.at++
		p.blank()
	}
}

package mimeread

import (
	"strings"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/internal/charset"
	"github.com/depeche-mail/depeche/internal/mimewire"
)

// Mailbox is an address and the name that readers see.
type Mailbox struct {
	Name    string
	Address envelope.Address
}

// Entry is a mailbox of an address list, or a group.
type Entry struct {
	Mailbox Mailbox
	Group   *Group
}

// Group is a named list of mailboxes.
type Group struct {
	Name    string
	Members []Mailbox
}

// Unreadable is an element of an address list that is not an address for certain.
type Unreadable struct {
	Index  int    // of the element in its field; empty elements do not count
	Text   string // as it stands in the field
	Reason string
}

// Addresses is the content of an address field.
type Addresses struct {
	Entries    []Entry
	Unreadable []Unreadable
}

// Mailboxes returns all mailboxes in order, those of groups too.
func (l Addresses) Mailboxes() []Mailbox {
	var all []Mailbox
	for _, e := range l.Entries {
		if e.Group != nil {
			all = append(all, e.Group.Members...)
		} else {
			all = append(all, e.Mailbox)
		}
	}
	return all
}

// ParseAddresses reads an address list in the current and the obsolete syntax of RFC 5322 (sections 3.4 and
// 4.4) and as other programs were seen to write it. It never fails and never guesses who is meant: an element
// that is not one address for certain is in Unreadable, and all others are read. The charset is that of names
// in octets above 127, if the caller knows it. The time it takes is linear in the length of the value.
func ParseAddresses(value, bodyCharset string) Addresses {
	p := addressParser{value: value, charset: bodyCharset, tokens: tokenize(value)}
	for p.at < len(p.tokens) {
		p.step()
	}
	p.endGroup()
	return p.list
}

// addressParser reads the tokens of an address list.
type addressParser struct {
	value   string
	charset string
	tokens  []token
	at      int
	group   *Group // the one that is open
	list    Addresses
	index   int // of the element
}

// step reads a separator, the beginning or the end of a group, or an element.
func (p *addressParser) step() {
	switch t := p.tokens[p.at]; {
	case t.is(','), t.is(':'):
		p.at++
	case t.is(';'):
		p.endGroup()
		p.at++
	default:
		p.element()
	}
}

func (p *addressParser) endGroup() {
	if p.group != nil {
		p.list.Entries = append(p.list.Entries, Entry{Group: p.group})
		p.group = nil
	}
}

// element reads up to the next separator.
func (p *addressParser) element() {
	var e element
	start := p.at
scan:
	for p.at < len(p.tokens) {
		t := p.tokens[p.at]
		switch {
		case t.is(','), t.is(';'):
			break scan
		case t.is(':'):
			if p.colon(&e) {
				return
			}
		case t.is('<'):
			p.angle(&e)
		default:
			e.add(t)
			p.at++
		}
	}
	p.take(e, start)
}

// colon decides about a colon within an element. It reports whether the element has ended as the name of a group.
func (p *addressParser) colon(e *element) bool {
	p.at++
	if e.angles > 0 || e.at || len(e.before) == 0 {
		e.broken = "a colon where no group begins"
		return false
	}
	name := p.phrase(e.before)
	if strings.EqualFold(name, "mailto") {
		*e = element{}
		return false
	}
	p.endGroup()
	p.group = &Group{Name: name}
	return true
}

// element is what stands between two separators.
type element struct {
	before, inside, after []token // of, in and after the angle brackets; all is before when there are none
	comments              []token
	angles                int
	at                    bool   // there is an @ before the brackets
	broken                string // why it can't be read
}

func (e *element) add(t token) {
	switch {
	case t.doubtful:
		e.broken = "a quoted string that may hold another address"
		return
	case t.kind == commentToken:
		e.comments = append(e.comments, t)
	case e.angles > 0:
		e.after = append(e.after, t)
	default:
		e.before = append(e.before, t)
		e.at = e.at || t.is('@')
	}
}

// angle reads an address in angle brackets, which may lack the second one.
func (p *addressParser) angle(e *element) {
	p.at++
	if p.at < len(p.tokens) && p.tokens[p.at].is('<') { // twice, as some scripts do
		return
	}
	e.angles++
	shut := p.at // where the bracket closes, or another one opens
	for shut < len(p.tokens) && !p.tokens[shut].is('>') && !p.tokens[shut].is('<') {
		shut++
	}
	closed := shut < len(p.tokens) && p.tokens[shut].is('>')
	if closed {
		p.route(shut)
	}
	for ; p.at < shut; p.at++ {
		switch t := p.tokens[p.at]; {
		case t.is(','), t.is(';'): // the bracket does not close
			return
		case t.kind == commentToken:
			e.comments = append(e.comments, t)
		default:
			e.inside = append(e.inside, t)
		}
	}
	if closed {
		p.at++
	}
}

// route skips a source route (RFC 5322 section 4.4).
func (p *addressParser) route(shut int) {
	at := p.at
	for at < shut && p.tokens[at].kind == commentToken {
		at++
	}
	if at == shut || !p.tokens[at].is('@') && !p.tokens[at].is(',') {
		return
	}
	for ; at < shut; at++ {
		if p.tokens[at].is(':') {
			p.at = at + 1
			return
		}
	}
}

// take judges an element and appends it where it belongs.
func (p *addressParser) take(e element, start int) {
	for len(e.after) > 0 && e.after[0].is('>') {
		e.after = e.after[1:]
	}
	if n := len(e.before); n > 0 && e.angles == 0 && e.before[n-1].is('>') { // the other one was dropped
		e.before = e.before[:n-1]
	}
	if len(e.before)+len(e.inside)+len(e.after)+e.angles == 0 && e.broken == "" {
		return // a comment, or nothing
	}
	index := p.index
	p.index++
	m, reason := p.mailbox(e)
	switch {
	case reason != "" && len(p.list.Unreadable) == maxFaults: // that many say enough
	case reason != "":
		first, last := p.tokens[start], p.tokens[p.at-1]
		p.list.Unreadable = append(p.list.Unreadable, Unreadable{index, p.value[first.start:last.end], reason})
	case p.group != nil:
		p.group.Members = append(p.group.Members, m)
	default:
		p.list.Entries = append(p.list.Entries, Entry{Mailbox: m})
	}
}

// mailbox returns the mailbox that an element is for certain, or else why it is not.
func (p *addressParser) mailbox(e element) (m Mailbox, reason string) {
	switch {
	case e.broken != "":
		return m, e.broken
	case e.angles > 1:
		return m, "more than one address"
	case e.angles == 0:
		m.Address, reason = addrSpec(e.before)
	default:
		for _, t := range e.after {
			if t.is('@') {
				return m, "more than one address"
			}
		}
		if m.Address, reason = addrSpec(e.inside); len(e.inside) == 0 {
			reason = "nothing between the angle brackets"
		}
		m.Name = p.phrase(e.before)
		if m.Name == "" {
			m.Name = p.phrase(e.after)
		}
	}
	if m.Name == "" && len(e.comments) > 0 { // the way names were written before RFC 822
		m.Name = shown(decodeWords(withoutEscapes(e.comments[len(e.comments)-1].text), p.charset))
	}
	return m, reason
}

// addrSpec reads local part, @ and domain (RFC 5322 sections 3.4.1 and 4.4). Dots of the local part may stand
// anywhere: Japanese mobile providers gave such addresses out.
func addrSpec(tokens []token) (a envelope.Address, reason string) {
	at := -1
	for i, t := range tokens {
		if t.is('@') {
			if at >= 0 {
				return a, "more than one @"
			}
			at = i
		}
	}
	if at < 0 {
		return a, "an address without @"
	}
	local, reason := joined(tokens[:at], true)
	if reason != "" {
		return a, reason
	}
	domain, reason := joined(tokens[at+1:], false)
	if reason != "" {
		return a, reason
	}
	if domain != "" && domain[0] != '[' {
		domain = strings.TrimSuffix(domain, ".") // the root of the domain name system
	}
	a, err := envelope.NewAddress(local, domain)
	if err != nil {
		return a, reasonOf(err)
	}
	return a, ""
}

func reasonOf(err error) string {
	if parse, ok := err.(*envelope.ParseError); ok { //nolint:errorlint // NewAddress returns it bare
		return parse.Reason
	}
	return err.Error()
}

// joined returns the text of words that dots join. A domain may be a literal.
func joined(tokens []token, local bool) (text, reason string) {
	var out strings.Builder
	dot := true // nothing stands before the first word
	for i, t := range tokens {
		switch {
		case t.kind == quotedToken && local:
		case t.kind == literalToken && !local && len(tokens) == 1:
			return strings.Map(withoutBlanks, t.text), ""
		case t.kind != wordToken && t.kind != encodedToken || !isDotted(t.text):
			return "", "a word that an address can't have"
		}
		plain := t.kind != quotedToken
		if i > 0 && !dot && (!plain || t.text[0] != '.') {
			return "", "more than one word"
		}
		dot = plain && strings.HasSuffix(t.text, ".")
		out.WriteString(t.text)
	}
	if out.Len() == 0 {
		return "", "an empty local part or domain"
	}
	return out.String(), ""
}

func withoutBlanks(r rune) rune {
	if r == ' ' || r == '\t' {
		return -1
	}
	return r
}

// isDotted reports whether a word consists of the characters of atoms and of dots (RFC 5322 section 3.2.3, RFC
// 6532 section 3.2).
func isDotted(word string) bool {
	for i := range len(word) {
		if c := word[i]; c < 0x80 && !isAtext(c) && c != '.' {
			return false
		}
	}
	return word != ""
}

func isAtext(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("!#$%&'*+-/=?^_`{|}~", c) >= 0
}

// phrase returns the name that words make, as people read it.
func (p *addressParser) phrase(tokens []token) string {
	var out, run strings.Builder // run collects words that may be encoded
	flush := func() {
		if run.Len() > 0 {
			out.WriteString(decodeWords(run.String(), p.charset))
			run.Reset()
		}
	}
	for i, t := range tokens {
		if t.kind == quotedToken {
			if i > 0 && t.spaced {
				run.WriteByte(' ')
			}
			flush()
			out.WriteString(p.quotedName(t.text))
			continue
		}
		if i > 0 && t.spaced {
			run.WriteByte(' ')
		}
		run.WriteString(t.text)
	}
	flush()
	return shown(out.String())
}

// quotedName decodes a quoted string that is nothing but encoded-words: RFC 2047 section 5 forbids it, and programs
// write it.
func (p *addressParser) quotedName(text string) string {
	if strings.HasPrefix(text, "=?") && strings.HasSuffix(text, "?=") {
		return decodeWords(text, p.charset)
	}
	return charset.Guess(p.charset, []byte(text))
}

// shown returns a name that can be written again.
func shown(name string) string { return strings.TrimSpace(mimewire.CleanText(name)) }

// withoutEscapes takes the backslashes out of a comment.
func withoutEscapes(text string) string {
	if !strings.Contains(text, `\`) {
		return text
	}
	var out strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] == '\\' && i+1 < len(text) {
			i++
		}
		out.WriteByte(text[i])
	}
	return out.String()
}

package mimeread

import (
	"strings"

	"github.com/depeche-mail/depeche/internal/charset"
	"github.com/depeche-mail/depeche/internal/mimewire"
)

// Header is the value of a Content-Type or Content-Disposition field.
type Header struct {
	// Value is the part before the parameters, such as "text/plain" or "attachment", in lower case.
	Value string
	// Params has the parameters by their names in lower case, those of RFC 2231 decoded and joined.
	Params map[string]string
	// Faults says what was odd.
	Faults []string
}

// ParseHeader reads a value with parameters (RFC 2045 section 5.1, RFC 2183, RFC 2231) as leniently as it can be
// read without a guess about what it hides: comments, values without quotes, with blanks, or without an end,
// and pieces in any order, but never pieces of which one is missing. The charset is that of octets above 127,
// if the caller knows it.
func ParseHeader(value, bodyCharset string) Header {
	p := paramParser{text: value, charset: bodyCharset, header: Header{Params: map[string]string{}}}
	p.header.Value = strings.ToLower(p.first())
	for p.at < len(p.text) {
		p.param()
	}
	p.join()
	return p.header
}

// paramParser reads the parameters of a value.
type paramParser struct {
	text    string
	at      int
	charset string
	header  Header
	order   []string // names that have pieces
	pieces  map[string][]piece
	noMore  bool // a comment did not end: no later one can
	noQuote bool // a quoted string did not end
}

// piece is a parameter in one of the forms of RFC 2231.
type piece struct {
	number   int // -1 for none
	extended bool
	text     string
}

func (p *paramParser) fault(reason string) {
	const limit = 20
	if len(p.header.Faults) < limit {
		p.header.Faults = append(p.header.Faults, reason)
	}
}

// blank skips white space and comments.
func (p *paramParser) blank() {
	for p.at < len(p.text) {
		switch c := p.text[p.at]; {
		case c <= ' ':
			p.at++
		case c == '(' && !p.noMore:
			end := commentEnd(p.text, p.at)
			if end == 0 {
				p.noMore = true
				return
			}
			p.at = end
		default:
			return
		}
	}
}

// first reads what stands before the parameters. Blanks around its slash are dropped.
func (p *paramParser) first() string {
	var out strings.Builder
	for p.at < len(p.text) {
		before := p.at
		p.blank()
		if p.at == len(p.text) || p.text[p.at] == ';' {
			break
		}
		slash := strings.HasSuffix(out.String(), "/") || p.text[p.at] == '/'
		if p.at > before && out.Len() > 0 && !slash {
			p.fault("no semicolon before the parameters")
			break
		}
		start := p.at
		for p.at < len(p.text) && p.text[p.at] > ' ' && p.text[p.at] != ';' && p.text[p.at] != '(' {
			p.at++
		}
		if p.at == start { // a bracket that does not close
			p.at++
		}
		out.WriteString(p.text[start:p.at])
	}
	return strings.Trim(out.String(), `"'`)
}

// param reads one parameter and what follows it up to the next.
func (p *paramParser) param() {
	p.blank()
	if p.at == len(p.text) {
		return
	}
	if p.text[p.at] == ';' {
		p.at++
		return
	}
	start := p.at
	for p.at < len(p.text) && p.text[p.at] != '=' && p.text[p.at] != ';' {
		p.at++
	}
	name := strings.ToLower(strings.TrimSpace(p.plainName(p.text[start:p.at])))
	if p.at == len(p.text) || p.text[p.at] == ';' {
		p.fault("a parameter without a value: " + shorten(name))
		return
	}
	p.at++
	p.add(name, p.value())
}

// plainName takes the comments out of a name.
func (p *paramParser) plainName(name string) string {
	if p.noMore {
		return name
	}
	return withoutComments(name)
}

// value reads a value, quoted or not.
func (p *paramParser) value() string {
	p.blank()
	if p.at == len(p.text) {
		return ""
	}
	if p.text[p.at] == '"' && !p.noQuote {
		if content, end := quotedEnd(p.text, p.at); end > 0 {
			p.at = end
			return content
		}
		p.fault("a quoted value without its end")
		p.noQuote = true
		p.at++
	}
	start := p.at
	for p.at < len(p.text) && p.text[p.at] != ';' {
		if p.text[p.at] == '(' && !p.noMore { // a comment, if nothing follows it; else it is part of a name such as "plan (1).pdf"
			end := p.at
			p.blank()
			if p.at == len(p.text) || p.text[p.at] == ';' {
				return strings.TrimSpace(p.text[start:end])
			}
			if p.at == end {
				p.at++
			}
			continue
		}
		p.at++
	}
	return strings.TrimSpace(p.text[start:p.at])
}

// add takes a parameter. Of two of the same name and form the first counts, as with Python's email package and GMime.
func (p *paramParser) add(name, value string) {
	base, rest, split := strings.Cut(name, "*")
	x := piece{number: -1, text: value}
	if split {
		digits, extended := strings.CutSuffix(rest, "*")
		x.extended = extended || rest == ""
		if rest != "" {
			n, ok := number(digits)
			if !ok || len(digits) > 1 && digits[0] == '0' {
				p.fault("a parameter with an odd name: " + shorten(name))
				return
			}
			x.number = n
		}
	}
	if base == "" || !isToken(base) {
		p.fault("a parameter with an odd name: " + shorten(name))
		return
	}
	if p.pieces == nil {
		p.pieces = map[string][]piece{}
	}
	for _, y := range p.pieces[base] {
		if y.number == x.number && y.extended == x.extended {
			p.fault("the parameter " + shorten(name) + " stands twice")
			return
		}
	}
	if len(p.pieces[base]) == 0 {
		p.order = append(p.order, base)
	}
	const limit = 1000 // each is compared with the others of its name
	if len(p.pieces[base]) < limit {
		p.pieces[base] = append(p.pieces[base], x)
	}
}

// join makes one value of the pieces of each parameter.
func (p *paramParser) join() {
	for _, name := range p.order {
		if value, ok := p.joined(name, p.pieces[name]); ok {
			p.header.Params[name] = value
		}
	}
}

// joined prefers the extended form, then pieces, then the plain one (RFC 2231 sections 3 and 4).
func (p *paramParser) joined(name string, pieces []piece) (string, bool) {
	plain, hasPlain, numbered := "", false, map[int]piece{}
	last := -1
	for _, x := range pieces {
		switch {
		case x.number < 0 && x.extended:
			return p.extended([]piece{x}), true
		case x.number < 0:
			plain, hasPlain = x.text, true
		default:
			if y, twice := numbered[x.number]; !twice || x.extended && !y.extended {
				numbered[x.number] = x
			}
			last = max(last, x.number)
		}
	}
	if last >= 0 {
		if last < len(numbered) {
			ordered := make([]piece, len(numbered))
			for i := range ordered {
				ordered[i] = numbered[i]
			}
			return p.extended(ordered), true
		}
		p.fault("a piece of the parameter " + shorten(name) + " is missing")
	}
	return p.plain(name, plain), hasPlain
}

// plain reads a value without RFC 2231. Encoded-words have no place there (RFC 2047 section 5), and many programs
// write them.
func (p *paramParser) plain(name, value string) string {
	if name == "boundary" {
		return value
	}
	return mimewire.CleanText(decodeWords(value, p.charset))
}

// extended joins pieces, of which the first may name a charset, and decodes them.
func (p *paramParser) extended(pieces []piece) string {
	name := ""
	isExtended := false
	var octets []byte
	for i, x := range pieces {
		text := x.text
		if !x.extended {
			octets = append(octets, text...)
			continue
		}
		isExtended = true
		if i == 0 {
			if first, rest, ok := strings.Cut(text, "'"); ok {
				if _, value, ok := strings.Cut(rest, "'"); ok {
					name, text = first, value
				}
			}
		}
		octets = append(octets, unpercent(text)...)
	}
	if !isExtended && name == "" {
		return mimewire.CleanText(charset.Guess(p.charset, octets))
	}
	if name == "" {
		return mimewire.CleanText(charset.Guess(p.charset, octets))
	}
	text, err := charset.Decode(name, octets)
	if err != nil {
		p.fault(err.Error())
	}
	return mimewire.CleanText(text)
}

// unpercent decodes a percent encoding. What is malformed stays as it is.
func unpercent(text string) []byte {
	out := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		if text[i] == '%' && i+2 < len(text) {
			if value, ok := unhex(text[i+1], text[i+2]); ok {
				out = append(out, value)
				i += 2
				continue
			}
		}
		out = append(out, text[i])
	}
	return out
}

// MediaType returns the media type of a value of Content-Type: text/plain when there is none or it is not of the
// form type/subtype (RFC 2045 section 5.2). The reason says so.
func (h Header) MediaType() (media, reason string) {
	kind, subtype, ok := strings.Cut(h.Value, "/")
	if !ok || !isToken(kind) || !isToken(subtype) {
		if h.Value == "" {
			return "text/plain", ""
		}
		return "text/plain", "the content type " + shorten(h.Value) + " is not of the form type/subtype"
	}
	return h.Value, ""
}

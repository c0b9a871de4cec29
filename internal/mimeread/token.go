package mimeread

import "strings"

// tokenKind is what a token of an address list is.
type tokenKind uint8

const (
	wordToken    tokenKind = iota // atoms and dots, and whatever else is neither blank nor special
	quotedToken                   // text is the content
	encodedToken                  // an encoded-word
	literalToken                  // with its brackets
	commentToken                  // text is the content
	specialToken                  // one of , ; : < > @
)

// token is a piece of an address list.
type token struct {
	kind       tokenKind
	text       string
	start, end int
	spaced     bool // blanks or a comment stand before it
	doubtful   bool // a quoted string that may have swallowed an address
}

func (t token) is(special byte) bool { return t.kind == specialToken && t.text[0] == special }

// tokenizer takes an address list apart, looking at each octet a fixed number of times.
type tokenizer struct {
	value      string
	words      wordEnds
	tokens     []token
	noComments bool // one did not end: no later one can
	noQuotes   bool // as noComments
}

func tokenize(value string) []token {
	t := tokenizer{value: value, words: wordEnds{text: value, next: -1}}
	spaced := false
	for at := 0; at < len(value); {
		c := value[at]
		if c <= ' ' || c == 0x7f {
			spaced = true
			at++
			continue
		}
		next := t.next(at)
		next.start, next.spaced = at, spaced
		t.tokens = append(t.tokens, next)
		at, spaced = next.end, next.kind == commentToken
	}
	t.doubt()
	return t.tokens
}

func isSpecial(c byte) bool {
	return c == ',' || c == ';' || c == ':' || c == '<' || c == '>' || c == '@'
}

// next reads the token at an offset.
func (t *tokenizer) next(at int) token {
	value := t.value
	switch c := value[at]; {
	case isSpecial(c):
		return token{kind: specialToken, text: value[at : at+1], end: at + 1}
	case c == '(' && !t.noComments:
		if end := commentEnd(value, at); end > 0 {
			return token{kind: commentToken, text: value[at+1 : end-1], end: end}
		}
		t.noComments = true
	case c == '[':
		const longest = 256
		window := value[at:min(at+longest, len(value))]
		if end := strings.IndexByte(window, ']'); end >= 0 && !strings.ContainsAny(window[:end], "<>,;@\"") {
			return token{kind: literalToken, text: window[:end+1], end: at + end + 1}
		}
	case c == '"' && t.noQuotes:
		return token{kind: commentToken, end: at + 1, doubtful: true}
	case c == '"':
		content, end := quotedEnd(value, at)
		if end > 0 {
			return token{kind: quotedToken, text: content, end: end}
		}
		t.noQuotes = true
		return t.unclosed(at)
	case strings.HasPrefix(value[at:], "=?"):
		if w, ok := t.words.word(at); ok && isOneWord(value[at:at+w.length]) {
			return token{kind: encodedToken, text: value[at : at+w.length], end: at + w.length}
		}
	}
	end := at + 1
	for end < len(value) && !t.endsWord(end) {
		end++
	}
	return token{kind: wordToken, text: value[at:end], end: end}
}

// endsWord reports whether a word ends before an offset.
func (t *tokenizer) endsWord(at int) bool {
	c := t.value[at]
	return c <= ' ' || c == 0x7f || isSpecial(c) || c == '"' || c == '(' && !t.noComments || c == '['
}

// isOneWord reports whether an encoded-word with raw specials in it is one still. It must not swallow an
// address that stands between a beginning and the end of another.
func isOneWord(w string) bool {
	return !strings.ContainsAny(w, "<>\"") && (!strings.ContainsAny(w, ",; ") || !strings.Contains(w, "@"))
}

// unclosed reads a quote that never closes: up to the address in angle brackets, unless another address stands
// between; then the quote alone is dropped.
func (t *tokenizer) unclosed(at int) token {
	rest := t.value[at+1:]
	angle := strings.IndexByte(rest, '<')
	if angle < 0 || strings.Contains(rest[:angle], "@") {
		return token{kind: commentToken, end: at + 1, doubtful: true}
	}
	return token{kind: quotedToken, text: strings.TrimRight(rest[:angle], " \t"), end: at + 1 + angle, doubtful: true}
}

// doubt marks the quoted strings with an address in them that may have begun or ended at the wrong quote: there
// is one too many, or a word touches them.
func (t *tokenizer) doubt() {
	odd := false
	for _, x := range t.tokens {
		odd = odd || x.doubtful
	}
	for i := range t.tokens {
		x := &t.tokens[i]
		x.doubtful = false
		if x.kind != quotedToken || !strings.Contains(x.text, "@") || !strings.ContainsAny(x.text, "<,;") {
			continue
		}
		touchesNext := i+1 < len(t.tokens) && t.tokens[i+1].touches(x.end)
		touchesLast := i > 0 && !x.spaced && t.tokens[i-1].touches(t.tokens[i-1].start)
		x.doubtful = odd || touchesNext || touchesLast
	}
}

// touches reports whether a token that begins at an offset is a word of a phrase.
func (t token) touches(at int) bool {
	return t.start == at && t.kind != specialToken && t.kind != commentToken
}

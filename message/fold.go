package message

import (
	"strings"
	"unicode/utf8"

	"github.com/depeche-mail/depeche/envelope"
)

// Limits of lines in a header section.
const (
	foldAt    = 78  // RFC 5322 section 2.1.1
	encodedAt = 76  // of a line that holds an encoded-word: RFC 2047 section 2
	lineLimit = 998 // RFC 5322 section 2.1.1
	tooLong   = lineLimit - foldAt
)

// folder appends header fields, word by word, folding between words. A field never begins with an
// empty line, because one reader keeps the fold as a space and one DKIM verifier fails on it.
type folder struct {
	dst     []byte
	column  int  // of the current line
	first   bool // only the name is on the line
	encoded bool // the line holds an encoded-word
	raw     bool // text is written as UTF-8 (RFC 6532)
	spare   int  // columns that are kept free for what is glued to words
	scratch []byte
}

func (f *folder) begin(name string) {
	f.dst = append(append(f.dst, name...), ':')
	f.column, f.first, f.encoded = len(name)+1, true, false
}

func (f *folder) end() { f.dst = append(f.dst, '\r', '\n') }

// space writes the space before a word of n octets, behind a fold if the line would get too long.
func (f *folder) space(n, limit int) {
	if f.encoded {
		limit = encodedAt
	}
	if !f.first && f.column+1+n > limit-f.spare {
		f.fold()
	}
	f.dst = append(f.dst, ' ')
	f.column += 1 + n
	f.first = false
}

func (f *folder) fold() {
	f.dst = append(f.dst, '\r', '\n')
	f.column, f.encoded, f.first = 0, false, false
}

// word appends a word that is never cut.
func (f *folder) word(w string) {
	f.space(len(w), foldAt)
	f.dst = append(f.dst, w...)
}

// scratched appends the word that is in scratch.
func (f *folder) scratched() {
	f.space(len(f.scratch), foldAt)
	f.dst = append(f.dst, f.scratch...)
}

// glue appends one octet behind a word. One column is always kept free for it by those who use it.
func (f *folder) glue(c byte) {
	f.dst = append(f.dst, c)
	f.column++
}

// words appends a field of words that are never encoded.
func (f *folder) words(name string, words ...string) {
	f.begin(name)
	for _, w := range words {
		f.word(w)
	}
	f.end()
}

// textField appends a field of free text.
func (f *folder) textField(name, text string) {
	f.begin(name)
	f.text(text)
	f.end()
}

// text appends free text. Words that would not come back as they are become encoded-words, together
// with the spaces around them that matter.
func (f *folder) text(text string) {
	if text == "" {
		return
	}
	if f.plain(text) {
		for word := range strings.SplitSeq(text, " ") {
			f.word(word)
		}
		return
	}
	words := strings.Split(text, " ")
	runs := f.runs(words)
	for i := 0; i < len(words); {
		end := i + 1
		if !runs[i] {
			f.word(words[i])
		} else {
			for end < len(words) && runs[end] {
				end++
			}
			f.encode(strings.Join(words[i:end], " "))
		}
		i = end
	}
}

// runs marks the words that must be encoded: those that need it, the neighbours of an empty one,
// which stands for a space that would be lost, and short gaps, which cost less inside a run.
func (f *folder) runs(words []string) []bool {
	const shortGap = 14
	marks := make([]bool, len(words))
	for i, w := range words {
		if w == "" {
			marks[max(i-1, 0)], marks[i], marks[min(i+1, len(words)-1)] = true, true, true
		} else if !f.plain(w) {
			marks[i] = true
		}
	}
	last, gap := -1, 0
	for i, w := range words {
		if !marks[i] {
			gap += len(w) + 1
			continue
		}
		if last >= 0 && gap <= shortGap {
			for j := last; j < i; j++ {
				marks[j] = true
			}
		}
		last, gap = i, 0
	}
	return marks
}

// plain reports whether text comes back as it is when it is written as words.
func (f *folder) plain(text string) bool {
	word, space := 0, true // the length of the current word; a space at the edge or behind a space is lost
	for i := range len(text) {
		switch c := text[i]; {
		case c == ' ':
			if space {
				return false
			}
			word, space = 0, true
			continue
		case c == '\t', c >= utf8.RuneSelf && !f.raw, c == '=' && i+1 < len(text) && text[i+1] == '?':
			return false
		}
		if word++; word > tooLong {
			return false
		}
		space = false
	}
	return !space
}

// phrase appends a display name: atoms as they are, else one quoted string, else encoded-words
// (RFC 5322 section 3.2.5, RFC 2047 section 5 rule 3).
func (f *folder) phrase(name string) {
	switch {
	case isAtoms(name) && f.plain(name):
		for word := range strings.SplitSeq(name, " ") {
			f.word(word)
		}
	case f.quotable(name):
		f.scratch = appendQuoted(f.scratch[:0], name)
		f.scratched()
	default:
		f.encode(name)
	}
}

// quotable reports whether a name comes back from a quoted string, which is never folded: it is short
// and does not look like an encoded-word.
func (f *folder) quotable(name string) bool {
	const longest = 60
	return len(name) <= longest && strings.Trim(name, " ") == name && !strings.Contains(name, "=?") &&
		!strings.ContainsFunc(name, func(r rune) bool { return r == '\t' || r >= utf8.RuneSelf && !f.raw })
}

// mailbox appends a mailbox and the separator behind it.
func (f *folder) mailbox(m Mailbox, separator string) {
	if m.Name == "" {
		f.address("", m.Address, separator)
		return
	}
	f.phrase(m.Name)
	f.address("<", m.Address, ">"+separator)
}

func (f *folder) address(open string, a envelope.Address, shut string) {
	f.scratch = append(a.AppendTo(append(f.scratch[:0], open...)), shut...)
	f.scratched()
}

// list appends a field of addresses.
func (f *folder) list(name string, l AddressList) {
	f.begin(name)
	for i, e := range l.entries {
		separator := ","
		if i == len(l.entries)-1 {
			separator = ""
		}
		if e.group == nil {
			f.mailbox(e.mailbox, separator)
			continue
		}
		f.phrase(e.group.Name)
		f.word(":") // apart, because an encoded-word must have a space behind it
		for j, m := range e.group.Members {
			between := ","
			if j == len(e.group.Members)-1 {
				between = ""
			}
			f.mailbox(m, between)
		}
		f.word(";" + separator)
	}
	f.end()
}

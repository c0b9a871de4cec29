package mimewire

import (
	"strings"
	"unicode/utf8"

	"github.com/depeche-mail/depeche/envelope"
)

// Limits of lines in a header section.
const (
	FoldAt    = 78  // RFC 5322 section 2.1.1
	EncodedAt = 76  // of a line that holds an encoded-word: RFC 2047 section 2
	LineLimit = 998 // RFC 5322 section 2.1.1
	TooLong   = LineLimit - FoldAt
)

// Folder appends header fields, word by word, folding between words. A field never begins with an
// empty line, because one reader keeps the fold as a space and one DKIM verifier fails on it.
type Folder struct {
	Dst     []byte
	column  int  // of the current line
	first   bool // only the name is on the line
	encoded bool // the line holds an encoded-word
	Raw     bool // text is written as UTF-8 (RFC 6532)
	Spare   int  // columns that are kept free for what is glued to words
	Scratch []byte
}

// Begin begins a field.
func (f *Folder) Begin(name string) {
	f.Dst = append(append(f.Dst, name...), ':')
	f.column, f.first, f.encoded = len(name)+1, true, false
}

// End ends a field.
func (f *Folder) End() { f.Dst = append(f.Dst, '\r', '\n') }

// space writes the space before a word of n octets, after a fold if the line would get too long.
func (f *Folder) space(n, limit int) {
	if f.encoded {
		limit = EncodedAt
	}
	if !f.first && f.column+1+n > limit-f.Spare {
		f.fold()
	}
	f.Dst = append(f.Dst, ' ')
	f.column += 1 + n
	f.first = false
}

func (f *Folder) fold() {
	f.Dst = append(f.Dst, '\r', '\n')
	f.column, f.encoded, f.first = 0, false, false
}

// Word appends a word that is never cut.
func (f *Folder) Word(w string) {
	f.space(len(w), FoldAt)
	f.Dst = append(f.Dst, w...)
}

// FlushScratch appends the word that is in scratch.
func (f *Folder) FlushScratch() {
	f.space(len(f.Scratch), FoldAt)
	f.Dst = append(f.Dst, f.Scratch...)
}

// Glue appends one octet after a word. One column is always kept free for it by those who use it.
func (f *Folder) Glue(c byte) {
	f.Dst = append(f.Dst, c)
	f.column++
}

// Words appends a field of words that are never encoded.
func (f *Folder) Words(name string, words ...string) {
	f.Begin(name)
	for _, w := range words {
		f.Word(w)
	}
	f.End()
}

// TextField appends a field of free text.
func (f *Folder) TextField(name, text string) {
	f.Begin(name)
	f.Text(text)
	f.End()
}

// Text appends free text. Words that would not come back as they are become encoded-words, together
// with the spaces around them that matter.
func (f *Folder) Text(text string) {
	if text == "" {
		return
	}
	if f.Plain(text) {
		for word := range strings.SplitSeq(text, " ") {
			f.Word(word)
		}
		return
	}
	words := strings.Split(text, " ")
	runs := f.markEncoded(words)
	for i := 0; i < len(words); {
		end := i + 1
		if !runs[i] {
			f.Word(words[i])
		} else {
			for end < len(words) && runs[end] {
				end++
			}
			f.encode(strings.Join(words[i:end], " "))
		}
		i = end
	}
}

// markEncoded marks the words that must be encoded: those that need it, the neighbours of an empty one,
// which stands for a space that would be lost, and short gaps, which cost less inside a run.
func (f *Folder) markEncoded(words []string) []bool {
	const shortGap = 14
	marks := make([]bool, len(words))
	for i, w := range words {
		if w == "" {
			marks[max(i-1, 0)], marks[i], marks[min(i+1, len(words)-1)] = true, true, true
		} else if !f.Plain(w) {
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

// Plain reports whether text comes back as it is when it is written as words.
func (f *Folder) Plain(text string) bool {
	word, space := 0, true // the length of the current word; a space at the edge or after a space is lost
	for i := range len(text) {
		switch c := text[i]; {
		case c == ' ':
			if space {
				return false
			}
			word, space = 0, true
			continue
		case c == '\t', c >= utf8.RuneSelf && !f.Raw, c == '=' && i+1 < len(text) && text[i+1] == '?':
			return false
		}
		if word++; word > TooLong {
			return false
		}
		space = false
	}
	return !space
}

// Phrase appends a display name: atoms as they are, else one quoted string, else encoded-words
// (RFC 5322 section 3.2.5, RFC 2047 section 5 rule 3).
func (f *Folder) Phrase(name string) {
	switch {
	case IsAtoms(name) && f.Plain(name):
		for word := range strings.SplitSeq(name, " ") {
			f.Word(word)
		}
	case f.quotable(name):
		f.Scratch = AppendQuoted(f.Scratch[:0], name)
		f.FlushScratch()
	default:
		f.encode(name)
	}
}

// quotable reports whether a name comes back from a quoted string, which is never folded: it is short
// and does not look like an encoded-word.
func (f *Folder) quotable(name string) bool {
	const longest = 60
	return len(name) <= longest && strings.Trim(name, " ") == name && !strings.Contains(name, "=?") &&
		!strings.ContainsFunc(name, func(r rune) bool { return r == '\t' || r >= utf8.RuneSelf && !f.Raw })
}

// Address appends an address between two texts that are glued to it.
func (f *Folder) Address(open string, a envelope.Address, shut string) {
	f.Scratch = append(a.AppendTo(append(f.Scratch[:0], open...)), shut...)
	f.FlushScratch()
}

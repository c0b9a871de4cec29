package mimewire

import (
	"strings"
	"unicode/utf8"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/internal/words"
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

// room is how many octets a word on the line can have.
func (f *Folder) room() int {
	limit := FoldAt
	if f.encoded {
		limit = EncodedAt
	}
	return limit - f.Spare - f.column - 1
}

// space writes the space before a word of n octets, after a fold if the line would get too long.
func (f *Folder) space(n int) {
	if !f.first && n > f.room() {
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
	f.space(len(w))
	f.Dst = append(f.Dst, w...)
}

// row appends text as words that are never encoded; single spaces stand between them. Those that are on a line are
// written at once.
func (f *Folder) row(text string) {
	for room := f.room(); room < len(text); room = f.room() {
		end := strings.LastIndexByte(text[:max(room+1, 0)], ' ')
		if end < 0 { // not even the first has room
			end = strings.IndexByte(text, ' ')
		}
		if end < 0 {
			break
		}
		f.Word(text[:end])
		text = text[end+1:]
	}
	f.Word(text)
}

// FlushScratch appends the word that is in scratch.
func (f *Folder) FlushScratch() {
	f.space(len(f.Scratch))
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
	if len(name)+len(": ")+len(text) <= FoldAt-f.Spare && f.Plain(text) {
		f.Dst = append(append(append(append(f.Dst, name...), ": "...), text...), "\r\n"...)
		return
	}
	f.Begin(name)
	f.Text(text)
	f.End()
}

// Text appends free text. Words that would not come back as they are become encoded-words, together
// with the spaces around them that matter.
func (f *Folder) Text(text string) {
	switch {
	case text == "":
	case f.Plain(text):
		f.row(text)
	default:
		f.mixed(text)
	}
}

// mixed appends text of which some words become encoded-words.
func (f *Folder) mixed(text string) {
	for at := 0; at <= len(text); {
		begin, end := f.encodedRun(text, at)
		if begin > at {
			f.row(text[at : begin-1])
		}
		if begin <= len(text) {
			f.encode(text[begin:end])
		}
		at = end + 1
	}
}

// encodedRun returns where the next words that must be encoded begin and end, for words that begin at a place in a text: those
// that need it, and short gaps, which cost less inside a run. Without one it begins after the space that would follow the text.
func (f *Folder) encodedRun(text string, at int) (begin, end int) {
	const shortGap = 14
	begin, end = len(text)+1, len(text)+1
	for gap := 0; at <= len(text) && gap <= shortGap; {
		stop := len(text)
		if n := strings.IndexByte(text[at:], ' '); n >= 0 {
			stop = at + n
		}
		switch {
		case f.mustEncode(text, at, stop):
			begin, end, gap = min(begin, at), stop, 0
		case begin < at:
			gap += stop - at + 1
		}
		at = stop + 1
	}
	return begin, end
}

// mustEncode reports whether a word of a text must be encoded: because of what it is, or because it is or stands beside an empty
// one, which is a space that would be lost.
func (f *Folder) mustEncode(text string, begin, end int) bool {
	isEmptyBefore := begin == 1 || begin > 1 && text[begin-2] == ' '
	isEmptyAfter := end == len(text)-1 || end < len(text)-1 && text[end+1] == ' '
	return isEmptyBefore || isEmptyAfter || !f.Plain(text[begin:end])
}

// Plain reports whether text comes back as it is when it is written as words.
func (f *Folder) Plain(text string) bool {
	if len(text) <= TooLong && words.Run(text, '=') == len(text) { // so that only spaces can be lost
		space := strings.IndexByte(text, ' ')
		return text != "" && (space < 0 || space > 0 && text[len(text)-1] != ' ' && !strings.Contains(text[space:], "  "))
	}
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
		f.row(name)
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
	address := a.String()
	f.space(len(open) + len(address) + len(shut))
	f.Dst = append(append(append(f.Dst, open...), address...), shut...)
}

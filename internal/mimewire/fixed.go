package mimewire

import (
	"strings"
	"sync"
	"unicode/utf8"
)

// Fixed is text that stands in many texts. Its whole lines are looked at once, and encoded once in each encoding that they
// travel in; what is before and after them belongs to lines that begin or end elsewhere. It is safe for concurrent use.
type Fixed struct {
	Head, Tail string // of lines that are not whole
	Lines      string // whole lines; "" where no lines are worth it
	Facts      TextFacts
	canonical  func() []byte
	quoted     func() []byte
}

// worthIt is the least that is kept encoded.
const worthIt = 128

// NewFixed looks at a text. All of it is the head when its lines can't be encoded by themselves.
func NewFixed(text string) *Fixed {
	first, last := strings.IndexByte(text, '\n')+1, strings.LastIndexByte(text, '\n')+1
	if last-first < worthIt {
		return &Fixed{Head: text}
	}
	lines := text[first:last]
	facts := ScanText(lines)
	if facts.Returns || facts.EightBit && !utf8.ValidString(lines) {
		return &Fixed{Head: text}
	}
	return &Fixed{
		Head: text[:first], Tail: text[last:], Lines: lines, Facts: facts,
		canonical: sync.OnceValue(func() []byte { return AppendCanonical(make([]byte, 0, facts.canonical), lines) }),
		quoted: sync.OnceValue(func() []byte {
			return AppendQP(make([]byte, 0, facts.EncodedSize(QuotedPrintable)), lines)
		}),
	}
}

// Encoded returns the lines in quoted-printable, or, in another encoding, with canonical line ends. No caller changes them.
func (f *Fixed) Encoded(e Encoding) []byte {
	if e == QuotedPrintable {
		return f.quoted()
	}
	return f.canonical()
}

// Add makes f the facts of a text with the lines of another one after its own, which are whole lines.
func (f *TextFacts) Add(more TextFacts) {
	f.canonical += more.canonical
	f.escapes += more.escapes
	f.Size += more.Size
	f.Longest = max(f.Longest, more.Longest)
	f.Returns = f.Returns || more.Returns
	f.EightBit = f.EightBit || more.EightBit
	f.Control = f.Control || more.Control
	f.NUL = f.NUL || more.NUL
	f.MangledByRelays = f.MangledByRelays || more.MangledByRelays
	f.MayHoldBoundary = f.MayHoldBoundary || more.MayHoldBoundary
}

package message

import (
	"strings"

	"github.com/depeche-mail/depeche/internal/mimewire"
)

// FixedText is text that stands in many messages, such as what a template has between two values: which encoding it needs is
// found once, and its whole lines are encoded once. It is immutable and safe for concurrent use. It keeps the text, and what the
// text is in each encoding that was wanted: at most four times as many octets in quoted-printable, and as many without.
type FixedText struct {
	lines *mimewire.Fixed
	shows bool // it may have an address of an inline part
}

// NewFixedText returns a text for many messages.
func NewFixedText(text string) *FixedText { return &FixedText{mimewire.NewFixed(text), hasCID(text)} }

// TextBuilder puts a text together from fixed pieces and others, as a [strings.Builder] does from strings. The zero TextBuilder
// is an empty text. It must not be copied after its first use, and one goroutine at a time may use it.
type TextBuilder struct {
	text    strings.Builder
	body    *piecedBody // where fixed lines stand; nil without any
	isGiven bool        // body is that of a part, and changes no more
}

// cut is a place in a text where fixed lines stand. What is before it ends with a line end.
type cut struct {
	at    int
	fixed *FixedText
}

// Write adds octets; it never fails.
func (t *TextBuilder) Write(p []byte) (int, error) { return t.text.Write(p) }

// WriteString adds text; it never fails.
func (t *TextBuilder) WriteString(text string) (int, error) { return t.text.WriteString(text) }

// WriteFixed adds fixed text.
func (t *TextBuilder) WriteFixed(f *FixedText) {
	t.text.WriteString(f.lines.Head)
	if f.lines.Lines != "" {
		b := t.own()
		b.cuts = append(b.cuts, cut{t.text.Len(), f})
		t.text.WriteString(f.lines.Tail)
	}
}

// own returns a body that may be changed.
func (t *TextBuilder) own() *piecedBody {
	if t.body == nil || t.isGiven {
		before := t.cuts()
		t.body, t.isGiven = new(piecedBody), false
		t.body.cuts = append(t.body.room[:0], before...)
	}
	return t.body
}

// cuts returns where fixed lines stand.
func (t *TextBuilder) cuts() []cut {
	if t.body == nil {
		return nil
	}
	return t.body.cuts
}

// Grow makes room for octets that are not of fixed texts.
func (t *TextBuilder) Grow(octets int) { t.text.Grow(octets) }

// String returns the whole text.
func (t *TextBuilder) String() string { return whole(t.text.String(), t.cuts()) }

// Part returns the text so far as one of a content type, such as "text/html". A message with it has the same octets as one
// with [TextPart] of the whole text.
func (t *TextBuilder) Part(media string) Part {
	if t.body == nil {
		return TextPart(media, t.text.String())
	}
	b := t.own()
	b.text, t.isGiven = t.text.String(), true
	return Part{body: b, media: media}
}

// whole returns a text with what was cut out of it.
func whole(text string, cuts []cut) string {
	if len(cuts) == 0 {
		return text
	}
	size := len(text)
	for _, c := range cuts {
		size += len(c.fixed.lines.Lines)
	}
	var b strings.Builder
	b.Grow(size)
	at := 0
	for _, c := range cuts {
		b.WriteString(text[at:c.at])
		b.WriteString(c.fixed.lines.Lines)
		at = c.at
	}
	b.WriteString(text[at:])
	return b.String()
}

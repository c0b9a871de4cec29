package message

import (
	"slices"
	"unicode/utf8"

	"github.com/depeche-mail/depeche/internal/mimewire"
)

// piecedBody is a text of which whole lines are fixed.
type piecedBody struct {
	text string // without them
	cuts []cut
	room [8]cut // for those of most texts
}

// prepare judges a text by what is known of its fixed lines. One whose octets do not follow from those of its lines is put
// together and judged as a whole.
func (b *piecedBody) prepare(p *preparer, n *node) error {
	varies := mimewire.ScanText(b.text) // whole lines, but for the last one, because each cut is after a line end
	facts := varies
	for _, c := range b.cuts {
		facts.Add(c.fixed.lines.Facts)
	}
	switch {
	case n.part.flowed, facts.Returns, facts.MayHoldBoundary, varies.EightBit && !utf8.ValidString(b.text),
		!isPlainType(n.part.media), n.part.media == "text/calendar":
		return p.text(n, whole(b.text, b.cuts))
	}
	if err := n.typed(); err != nil {
		return err
	}
	if err := p.travels(n, &facts); err != nil {
		return err
	}
	if n.encoding == Base64 { // its lines are not those of the text
		n.text = whole(b.text, b.cuts)
		return nil
	}
	n.text, n.isPieced, n.encoded = b.text, true, varies.EncodedSize(n.encoding)
	return nil
}

// pieces yields what is before the first cut, between two of them, and after the last one.
func (b *piecedBody) pieces(yield func(string) bool) {
	at := 0
	for _, c := range b.cuts {
		if !yield(b.text[at:c.at]) {
			return
		}
		at = c.at
	}
	yield(b.text[at:])
}

// content writes what varies, and refers to what is fixed.
func (b *piecedBody) content(r *renderer, n *node) error {
	if !n.isPieced {
		return textBody{}.content(r, n)
	}
	const spare = 256 // for what follows the text
	if cap(r.Dst)-len(r.Dst) < n.encoded {
		r.Dst = slices.Grow(r.Dst, n.encoded+spare)
	}
	r.segments = slices.Grow(r.segments, 2*len(b.cuts)+1)
	i := 0
	for piece := range b.pieces {
		if n.encoding == QuotedPrintable {
			r.Dst = mimewire.AppendQP(r.Dst, piece)
		} else {
			r.Dst = mimewire.AppendCanonical(r.Dst, piece)
		}
		if i < len(b.cuts) {
			r.flush()
			r.segments = append(r.segments, segment{ready: b.cuts[i].fixed.lines.Encoded(n.encoding)})
			i++
		}
	}
	if n.encoding == QuotedPrintable {
		r.endLine()
	}
	return nil
}

// page returns the HTML that is looked at for cid: addresses: "" where a text of pieces has none. Lines are looked at one by one,
// since no address spans two.
func (p *Part) page() string {
	b, ok := p.body.(*piecedBody)
	if !ok {
		return p.text
	}
	if hasCID(b.text) || slices.ContainsFunc(b.cuts, func(c cut) bool { return c.fixed.shows }) {
		return whole(b.text, b.cuts)
	}
	return ""
}

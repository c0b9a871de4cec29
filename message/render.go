package message

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"unicode/utf8"

	"github.com/depeche-mail/depeche/internal/mimewire"
)

// streamFrom is the size from which content stays in its source instead of being encoded by Build.
const streamFrom = 32 << 10

// errBoundary says that a boundary occurs in the content it encloses. New randomness helps.
var errBoundary = errors.New("the source of randomness repeats itself: a boundary occurs in the content")

// renderer turns nodes into segments. What is ready collects in dst.
type renderer struct {
	addressFolder
	taken      int // how many octets of Dst are in segments
	segments   segments
	owned      []int // the segments whose ready octets stand in Dst, or stood there before it grew
	random     io.Reader
	boundaries []string // of the multiparts around
	bits       [16]byte
	room       [96]byte // for scratch
	eightBit   bool     // a field of a part is in UTF-8
}

// flush ends the segment of ready octets.
func (r *renderer) flush() {
	if len(r.Dst) > r.taken {
		r.segments = append(r.segments, segment{ready: r.take()})
	}
}

// take returns the ready octets, which belong to the next segment.
func (r *renderer) take() []byte {
	n := len(r.Dst)
	ready := r.Dst[r.taken:n:n]
	r.taken = n
	r.owned = append(r.owned, len(r.segments))
	return ready
}

func (r *renderer) finish() segments {
	r.flush()
	return r.segments
}

// endLine makes the message end with a line end.
func (r *renderer) endLine() {
	last := r.Dst[r.taken:]
	if len(last) == 0 && len(r.segments) > 0 {
		s := r.segments[len(r.segments)-1]
		if s.text != "" || s.stream != nil && s.stream.ended {
			return
		}
		last = s.ready
	}
	if len(last) == 0 || last[len(last)-1] != '\n' {
		r.Dst = append(r.Dst, '\r', '\n')
	}
}

// token appends 128 random bits as 26 letters and digits.
func (r *renderer) token(dst []byte) ([]byte, error) {
	if _, err := io.ReadFull(r.random, r.bits[:]); err != nil {
		return nil, fmt.Errorf("source of randomness: %w", err)
	}
	return mimewire.AppendToken(dst, &r.bits), nil
}

// node writes the Content-* fields of a part, an empty line and its content.
func (r *renderer) node(n *node) error {
	if leaf, ok := n.part.body.(leafBody); ok {
		r.header(n, "")
		return leaf.content(r, n)
	}
	token, err := r.token(append(r.Scratch[:0], "=_"...))
	if err != nil {
		return err
	}
	boundary := string(token)
	if slices.Contains(r.boundaries, boundary) {
		return errBoundary
	}
	r.boundaries = append(r.boundaries, boundary)
	r.header(n, boundary)
	// The empty line after the fields is the line end before the first delimiter
	// (RFC 2046 section 5.1.1).
	if m, ok := n.part.body.(signedBody); ok {
		err = m.write(r, n, boundary)
	} else {
		err = r.children(n, boundary)
	}
	if err != nil {
		return err
	}
	r.Dst = append(r.Dst, '\r', '\n')
	r.delimiter(boundary)
	r.Dst = append(r.Dst, '-', '-')
	r.boundaries = r.boundaries[:len(r.boundaries)-1]
	return nil
}

// children writes the parts of a multipart, each after a delimiter.
func (r *renderer) children(n *node, boundary string) error {
	for i := range n.children {
		if i > 0 {
			r.Dst = append(r.Dst, '\r', '\n')
		}
		r.delimiterLine(boundary)
		if err := r.node(&n.children[i]); err != nil {
			return err
		}
	}
	return nil
}

func (r *renderer) delimiterLine(boundary string) {
	r.delimiter(boundary)
	r.Dst = append(r.Dst, '\r', '\n')
}

func (r *renderer) delimiter(boundary string) {
	r.Dst = append(append(r.Dst, '-', '-'), boundary...)
}

// header writes the Content-* fields of a part and the empty line.
func (r *renderer) header(n *node, boundary string) {
	part := n.part
	if boundary == "" && n.isBare() && !r.Raw {
		r.bareHeader(n)
		return
	}
	if start := len(r.Dst); r.Raw {
		defer func() {
			r.eightBit = r.eightBit || bytes.ContainsFunc(r.Dst[start:], func(c rune) bool { return c >= utf8.RuneSelf })
		}()
	}
	r.Begin("Content-Type")
	r.Spare = 1
	r.Word(n.media)
	if n.charset != "" {
		r.Param("charset", n.charset)
	}
	for _, x := range n.params {
		r.Param(x.Name, x.Value)
	}
	if part.legacy && part.name != "" && !n.hasParam("name") {
		r.LegacyName(part.name)
	}
	if boundary != "" {
		r.Glue(';')
		r.Scratch = append(append(append(r.Scratch[:0], `boundary="`...), boundary...), '"')
		r.FlushScratch()
	}
	r.Spare = 0
	r.End()
	switch {
	case n.children == nil:
		r.Words("Content-Transfer-Encoding", n.encoding.String())
	case n.facts.Binary:
		r.Words("Content-Transfer-Encoding", Binary.String()) // RFC 2045 section 6.4
	case n.facts.EightBit:
		r.Words("Content-Transfer-Encoding", EightBit.String())
	}
	if part.disposition != "" {
		r.Begin("Content-Disposition")
		r.Spare = 1
		r.Word(part.disposition)
		if part.name != "" {
			r.Param("filename", part.name)
		}
		r.Spare = 0
		r.End()
	}
	if part.id != "" {
		r.Words("Content-ID", "<"+part.id+">")
	}
	if part.description != "" {
		r.TextField("Content-Description", part.description)
	}
	for _, f := range part.fields {
		r.field(f)
	}
	r.Dst = append(r.Dst, '\r', '\n')
}

// isBare reports whether a part has no more to tell than its type and its encoding, on one line each.
func (n *node) isBare() bool {
	const most = mimewire.FoldAt - len("Content-Type: ; charset=;\r\n")
	p := n.part
	return len(n.media)+len(n.charset) <= most && n.children == nil && len(n.params) == 0 && p.name == "" && p.disposition == "" && p.id == "" &&
		p.description == "" && len(p.fields) == 0
}

// bareHeader is header for a part that is bare, as most texts are.
func (r *renderer) bareHeader(n *node) {
	r.Dst = append(append(r.Dst, "Content-Type: "...), n.media...)
	if n.charset != "" {
		r.Dst = append(append(r.Dst, "; charset="...), n.charset...)
	}
	r.Dst = append(append(append(r.Dst, "\r\nContent-Transfer-Encoding: "...), n.encoding.String()...), "\r\n\r\n"...)
}

// encloses reports whether a boundary of the multiparts around occurs in octets.
func (r *renderer) encloses(octets []byte) bool {
	f := finder{words: r.boundaries}
	_, _ = f.Write(octets) // a finder never fails
	return f.found
}

// finder is a writer that looks for words.
type finder struct {
	words []string
	tail  []byte // the end of what was written, shorter than a word
	found bool
}

func (f *finder) Write(p []byte) (int, error) {
	for _, w := range f.words {
		edge := append(slices.Clone(f.tail), p[:min(len(p), len(w))]...)
		f.found = f.found || bytes.Contains(edge, []byte(w)) || bytes.Contains(p, []byte(w))
	}
	const longest = 64
	f.tail = append(f.tail, p[max(0, len(p)-longest):]...)
	f.tail = f.tail[max(0, len(f.tail)-longest):]
	return len(p), nil
}

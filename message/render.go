package message

import (
	"bytes"
	"encoding/base32"
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
	segments   segments
	random     io.Reader
	boundaries []string // of the multiparts around
	bits       [16]byte
	room       [96]byte // for scratch
	eightBit   bool     // a field of a part is in UTF-8
}

// flush ends the segment of ready octets.
func (r *renderer) flush() {
	if len(r.Dst) > 0 {
		r.segments = append(r.segments, segment{ready: r.Dst})
		r.Dst = nil
	}
}

func (r *renderer) finish() segments {
	r.flush()
	return r.segments
}

// endLine makes the message end with a line end.
func (r *renderer) endLine() {
	last := r.Dst
	if len(last) == 0 && len(r.segments) > 0 {
		s := r.segments[len(r.segments)-1]
		if s.stream != nil && s.stream.ended {
			return
		}
		last = s.ready
	}
	if len(last) == 0 || last[len(last)-1] != '\n' {
		r.Dst = append(r.Dst, '\r', '\n')
	}
}

// tokens are lower-case letters and digits, because some that look at them ignore case.
var tokens = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// token appends 128 random bits as 26 letters and digits.
func (r *renderer) token(dst []byte) ([]byte, error) {
	if _, err := io.ReadFull(r.random, r.bits[:]); err != nil {
		return nil, fmt.Errorf("source of randomness: %w", err)
	}
	return tokens.AppendEncode(dst, r.bits[:]), nil
}

// node writes the Content-* fields of a part, an empty line and its content.
func (r *renderer) node(n *node) error {
	if n.children == nil {
		r.header(n, "")
		return r.content(n)
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
	for i := range n.children {
		if i > 0 {
			r.Dst = append(r.Dst, '\r', '\n')
		}
		r.delimiter(boundary)
		r.Dst = append(r.Dst, '\r', '\n')
		if n.part.form == formSigned {
			err = r.signed(n, &n.children[0], boundary)
		} else {
			err = r.node(&n.children[i])
		}
		if err != nil {
			return err
		}
	}
	r.Dst = append(r.Dst, '\r', '\n')
	r.delimiter(boundary)
	r.Dst = append(r.Dst, '-', '-')
	r.boundaries = r.boundaries[:len(r.boundaries)-1]
	return nil
}

func (r *renderer) delimiter(boundary string) {
	r.Dst = append(append(r.Dst, '-', '-'), boundary...)
}

// signed writes the content of multipart/signed and the signature that is made over it.
func (r *renderer) signed(n, content *node, boundary string) error {
	inner := renderer{random: r.random, boundaries: slices.Clone(r.boundaries)} // 7-bit, whatever is around it
	if err := inner.node(content); err != nil {
		return err
	}
	octets := inner.finish()
	signature, err := n.part.seal(octets)
	if err != nil {
		return &FieldError{Field: "Signed", Value: n.media, Err: err}
	}
	if err := signature.asText(); err != nil {
		return &FieldError{Field: "Signed", Value: n.media, Err: err}
	}
	prepared := preparer{step: "Signed"}
	sealed := prepared.node(&signature)
	if len(prepared.faults) > 0 {
		return errors.Join(prepared.faults...)
	}
	if sealed.facts.EightBit {
		return &FieldError{Field: "Signed", Value: n.media, Err: errors.New("the signature must be 7-bit")}
	}
	r.flush()
	r.segments = append(r.segments, octets...)
	r.Dst = append(r.Dst, '\r', '\n')
	r.delimiter(boundary)
	r.Dst = append(r.Dst, '\r', '\n')
	return r.node(&sealed)
}

// header writes the Content-* fields of a part and the empty line.
func (r *renderer) header(n *node, boundary string) {
	part := n.part
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
	if part.legacy && part.name != "" {
		r.LegacyName(part.name)
	}
	if boundary != "" {
		r.Glue(';')
		r.Word(`boundary="` + boundary + `"`)
	}
	r.Spare = 0
	r.End()
	switch {
	case n.children == nil:
		r.Words("Content-Transfer-Encoding", n.encoding.String())
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

// content writes what a leaf consists of, in its encoding.
func (r *renderer) content(n *node) error {
	switch n.part.form {
	case formText:
		return r.text(n)
	case formReady:
		if n.facts.MayHoldBoundary && r.encloses(n.part.ready.octets) {
			return errBoundary
		}
		r.flush()
		r.segments = append(r.segments, segment{ready: n.part.ready.octets})
		return nil
	}
	return r.data(n)
}

// appendText appends a text with canonical line ends. As long as it was, it had them before.
func (n *node) appendText(dst []byte) []byte {
	if int64(len(n.text)) == n.facts.Size {
		return append(dst, n.text...)
	}
	return mimewire.AppendCanonical(dst, n.text)
}

// text writes a text with canonical line ends.
func (r *renderer) text(n *node) error {
	const spare = 256 // for what follows the text
	if cap(r.Dst)-len(r.Dst) < n.encoded {
		r.Dst = slices.Grow(r.Dst, n.encoded+spare)
	}
	switch n.encoding {
	case QuotedPrintable:
		r.Dst = mimewire.AppendQP(r.Dst, n.text)
		if n.text != "" {
			r.endLine()
		}
	case Base64:
		return r.base64Text(n)
	default:
		start := len(r.Dst)
		r.Dst = n.appendText(r.Dst)
		if n.facts.MayHoldBoundary && r.encloses(r.Dst[start:]) {
			return errBoundary
		}
	}
	return nil
}

// base64Text writes a text in base64. A big one is not made canonical as a whole first.
func (r *renderer) base64Text(n *node) error {
	if n.facts.Size <= streamFrom {
		r.Dst = mimewire.AppendBase64(r.Dst, n.appendText(nil))
		return nil
	}
	b, _ := buffers.Get().(*mimewire.Base64Buffers)
	defer buffers.Put(b)
	_, err := b.WriteBase64(appender{&r.Dst}, mimewire.NewCanonicalReader(n.text))
	return err
}

// appender is a writer to a slice.
type appender struct{ dst *[]byte }

func (a appender) Write(p []byte) (int, error) {
	*a.dst = append(*a.dst, p...)
	return len(p), nil
}

// data writes a file or a message. Big ones become streams.
func (r *renderer) data(n *node) error {
	s := n.part.source
	if n.size >= streamFrom && n.encoding != QuotedPrintable && !n.facts.MayHoldBoundary && s.other == nil {
		r.flush()
		r.segments = append(r.segments, segment{stream: &stream{
			source: s, name: n.part.name, size: n.size,
			base64: n.encoding == Base64, ended: n.encoding != Base64 && !n.facts.Open,
		}})
		return nil
	}
	if s.other != nil && n.encoding != Base64 {
		return r.message(n)
	}
	var content bytes.Buffer
	if s.inMemory() {
		data, err := s.bytes()
		if err != nil {
			return err
		}
		content = *bytes.NewBuffer(data)
	} else if _, err := s.writeTo(&content); err != nil {
		return err
	}
	octets := content.Bytes()
	if int64(len(octets)) != n.size {
		return &FieldError{Field: "Body", Value: n.part.name, Err: fmt.Errorf("%d octets when it was looked at, %d when it was read", n.size, len(octets))}
	}
	switch n.encoding {
	case Base64:
		r.Dst = mimewire.AppendBase64(r.Dst, octets)
	case QuotedPrintable:
		r.Dst = mimewire.AppendExactQP(r.Dst, string(octets))
		if len(r.boundaries) == 0 && len(octets) > 0 && octets[len(octets)-1] != '\n' {
			r.Dst = append(r.Dst, '=') // the line end of the message does not belong to the file
		}
	default:
		if n.facts.MayHoldBoundary && r.encloses(octets) {
			return errBoundary
		}
		r.Dst = append(r.Dst, octets...)
	}
	return nil
}

// message streams a message within the message.
func (r *renderer) message(n *node) error {
	if n.facts.MayHoldBoundary {
		finder := finder{words: r.boundaries}
		if _, err := n.part.source.writeTo(&finder); err != nil {
			return err
		}
		if finder.found {
			return errBoundary
		}
	}
	r.flush()
	r.segments = append(r.segments, segment{stream: &stream{source: n.part.source, name: n.part.name, size: n.size, ended: !n.facts.Open}})
	return nil
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

package message

import (
	"fmt"

	"github.com/depeche-mail/depeche/internal/mimewire"
)

// fileBody is a file.
type fileBody struct{ source }

// prepare judges a file. It is written as base64 unless the caller chose otherwise: relays may change
// anything else, and attachments must arrive octet by octet.
func (b fileBody) prepare(_ *preparer, n *node) (err error) {
	part := n.part
	if n.size, err = b.size(); err != nil {
		return err
	}
	if part.media == "" {
		n.media, n.params, err = guessType(part.name, b.source)
		if err == nil {
			err = n.addParams(part.params...)
		}
	} else {
		err = n.typed()
	}
	n.encoding = part.encoding
	if err != nil {
		return err
	}
	switch n.encoding {
	case EncodingAuto:
		n.encoding = Base64
	case SevenBit, EightBit, Binary:
		var s mimewire.LineScanner
		if _, err := writeSource(&s, b.source); err != nil {
			return err
		}
		n.facts = s.Facts()
		n.facts.Binary = n.encoding == Binary
		return n.facts.Fits(n.encoding)
	}
	return nil
}

// content writes a file. A big one becomes a stream.
func (b fileBody) content(r *renderer, n *node) error {
	if n.size < streamFrom || n.encoding == QuotedPrintable || n.facts.MayHoldBoundary {
		return r.octets(n, b.source)
	}
	r.flush()
	r.segments = append(r.segments, segment{stream: &stream{
		source: b.source, name: n.part.name, size: n.size,
		base64: n.encoding == Base64, ended: n.encoding != Base64 && !n.facts.Open,
	}})
	return nil
}

// octets writes content that is as long as it was found to be, in its encoding.
func (r *renderer) octets(n *node, content source) error {
	octets, err := sourceBytes(content)
	if err != nil {
		return err
	}
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

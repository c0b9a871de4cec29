package message

import (
	"errors"
	"io"
	"slices"
)

// signedBody is content with a signature beside it.
type signedBody struct {
	parts []Part // the content alone
	sign  func(io.WriterTo) (Part, error)
}

// prepare judges the content, which is 7-bit, whatever is around it.
func (b signedBody) prepare(p *preparer, n *node) error {
	signed, raw := p.signed, p.raw
	p.signed, p.raw = true, false
	defer func() { p.signed, p.raw = signed, raw }()
	if err := p.multipart(n, b.parts); err != nil {
		return err
	}
	if n.facts.EightBit || n.facts.Binary {
		return errors.New("signed content must be 7-bit (RFC 1847 section 2.1)")
	}
	return nil
}

// write writes the content and the signature that is made over it.
func (b signedBody) write(r *renderer, n *node, boundary string) error {
	r.delimiterLine(boundary)
	inner := renderer{random: r.random, boundaries: slices.Clone(r.boundaries)} // 7-bit, whatever is around it
	if err := inner.node(&n.children[0]); err != nil {
		return err
	}
	octets := inner.finish()
	signature, err := b.sign(octets)
	if err != nil {
		return &FieldError{Field: "Signed", Value: n.media, Err: err}
	}
	if err := signature.asText(); err != nil {
		return &FieldError{Field: "Signed", Value: n.media, Err: err}
	}
	prepared := preparer{step: "Signed"}
	var sealed node
	prepared.node(&signature, &sealed)
	if len(prepared.errs) > 0 {
		return errors.Join(prepared.errs...)
	}
	if sealed.facts.EightBit || sealed.facts.Binary {
		return &FieldError{Field: "Signed", Value: n.media, Err: errors.New("the signature must be 7-bit")}
	}
	r.flush()
	r.segments = append(r.segments, octets...)
	r.Dst = append(r.Dst, '\r', '\n')
	r.delimiterLine(boundary)
	return r.node(&sealed)
}

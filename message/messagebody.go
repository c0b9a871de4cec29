package message

import (
	"errors"

	"github.com/depeche-mail/depeche/internal/mimewire"
)

// messageBody is a message within the message.
type messageBody struct{ messageSource }

// prepare judges a message within the message. It may not be encoded (RFC 2046 section 5.2.1) unless
// its header is in UTF-8 (RFC 6532 section 3.7).
func (b messageBody) prepare(_ *preparer, n *node) error {
	part := n.part
	var s mimewire.LineScanner
	if _, err := b.WriteTo(&s); err != nil {
		return err
	}
	n.facts = s.Facts()
	n.size = n.facts.Size
	n.media, n.encoding = "message/rfc822", SevenBit
	switch {
	case part.media != "":
		if err := n.typed(); err != nil {
			return err
		}
	case n.facts.Header:
		n.media, n.encoding = "message/global", Base64
		n.facts.EightBit = false
	}
	if part.encoding != EncodingAuto {
		return errors.New("a message within a message can't be encoded (RFC 2046 section 5.2.1)")
	}
	if n.facts.EightBit {
		n.encoding = EightBit
	}
	return n.facts.Fits(n.encoding)
}

// content streams a message within the message, unless it has to be encoded.
func (b messageBody) content(r *renderer, n *node) error {
	if n.encoding == Base64 {
		return r.octets(n, b.messageSource)
	}
	if n.facts.MayHoldBoundary {
		finder := finder{words: r.boundaries}
		if _, err := b.WriteTo(&finder); err != nil {
			return err
		}
		if finder.found {
			return errBoundary
		}
	}
	r.flush()
	r.segments = append(r.segments, segment{stream: &stream{source: b.messageSource, name: n.part.name, size: n.size, ended: !n.facts.Open}})
	return nil
}

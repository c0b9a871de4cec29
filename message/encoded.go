package message

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/depeche-mail/depeche/internal/mimewire"
)

// encoded is the body of a part that was encoded once.
type encoded struct {
	media    string
	charset  string
	params   []mimewire.Parameter
	encoding Encoding
	facts    mimewire.LineFacts
	octets   []byte
}

// Preencoded returns the part with its content read and encoded, for use in many messages: they share
// the octets. Texts, files and messages can be encoded, multiparts can't. The error is a
// [*FieldError].
func (p Part) Preencoded() (Part, error) {
	leaf, ok := p.body.(leafBody)
	if p.body != nil && !ok {
		return Part{}, &FieldError{Field: "Preencoded", Value: p.media, Err: errors.New("a multipart has no encoding of its own")}
	}
	prepared := preparer{step: "Preencoded"}
	var n node
	prepared.node(&p, &n)
	if len(prepared.errs) > 0 {
		return Part{}, errors.Join(prepared.errs...)
	}
	var r renderer
	if err := leaf.content(&r, &n); err != nil {
		return Part{}, &FieldError{Field: "Preencoded", Value: p.name, Err: err}
	}
	octets, err := flatten(r.finish())
	if err != nil {
		return Part{}, &FieldError{Field: "Preencoded", Value: p.name, Err: err}
	}
	p.media, p.params, p.encoding, p.flowed = "", nil, EncodingAuto, false
	p.text, p.body = "", &encoded{media: n.media, charset: n.charset, params: slices.Clip(n.params), encoding: n.encoding, facts: n.facts, octets: octets}
	return p, nil
}

// prepare takes a part that was encoded before. Its content type may have been changed since.
func (done *encoded) prepare(_ *preparer, n *node) error {
	n.media, n.charset, n.params, n.encoding, n.facts = done.media, done.charset, done.params, done.encoding, done.facts
	if n.part.encoding != EncodingAuto && n.part.encoding != done.encoding {
		return fmt.Errorf("the part is encoded in %s already", done.encoding)
	}
	if n.part.flowed {
		return errors.New("the part is encoded already")
	}
	if n.part.media == "" {
		return n.addParams(n.part.params...)
	}
	n.params = nil
	err := n.typed()
	if !strings.HasPrefix(n.media, "text/") || n.param("charset") != "" {
		n.charset = ""
	}
	return err
}

// content writes the octets as they are.
func (done *encoded) content(r *renderer, n *node) error {
	if n.facts.MayHoldBoundary && r.encloses(done.octets) {
		return errBoundary
	}
	r.flush()
	r.segments = append(r.segments, segment{ready: done.octets})
	return nil
}

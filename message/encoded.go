package message

import (
	"errors"
	"slices"

	"github.com/depeche-mail/depeche/internal/mimewire"
)

// encoded is the content of a part that was encoded once.
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
	if p.form == formMultipart || p.form == formSigned {
		return Part{}, &FieldError{Field: "Preencoded", Value: p.media, Err: errors.New("a multipart has no encoding of its own")}
	}
	prepared := preparer{step: "Preencoded"}
	n := prepared.node(&p)
	if len(prepared.faults) > 0 {
		return Part{}, errors.Join(prepared.faults...)
	}
	var r renderer
	if err := r.content(&n); err != nil {
		return Part{}, &FieldError{Field: "Preencoded", Value: p.name, Err: err}
	}
	octets, err := flatten(r.finish())
	if err != nil {
		return Part{}, &FieldError{Field: "Preencoded", Value: p.name, Err: err}
	}
	p.form, p.source, p.text = formReady, source{}, ""
	p.media, p.params, p.encoding, p.flowed = "", nil, EncodingAuto, false
	p.ready = &encoded{media: n.media, charset: n.charset, params: slices.Clone(n.params), encoding: n.encoding, facts: n.facts, octets: octets}
	return p, nil
}

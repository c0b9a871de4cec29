package message

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/depeche-mail/depeche/internal/mimewire"
)

// Mixed returns parts to be shown one after the other. Of a single part it is that part.
func Mixed(parts ...Part) Part { return joined("mixed", parts) }

// Alternative returns the same content in several forms, the preferred one last. Of a single part it
// is that part.
func Alternative(parts ...Part) Part { return joined("alternative", parts) }

// Related returns a document and the parts that it shows by their Content-ID (RFC 2387). Of a single
// part it is that part.
func Related(root Part, parts ...Part) Part {
	return joined("related", slices.Insert(slices.Clone(parts), 0, root))
}

// Multipart returns a multipart of another subtype, such as "digest", always with its own boundary.
func Multipart(subtype string, parts ...Part) Part { return multipart(subtype, parts) }

func multipart(subtype string, parts []Part) Part {
	return Part{body: multipartBody{parts: slices.Clone(parts)}, media: "multipart/" + subtype}
}

// joined returns a multipart that is written as its part when it has one.
func joined(subtype string, parts []Part) Part {
	return Part{body: multipartBody{parts: slices.Clone(parts), joins: true}, media: "multipart/" + subtype}
}

// Signed returns content with a signature beside it (RFC 1847 section 2.1). Build writes the content
// once and for all and hands its octets to sign, which returns the part with the signature, such as
// FileBytes("signature.asc", armored).WithType(protocol). They are 7-bit and hold nothing that relays change.
// micalg names the hash, such as "pgp-sha256".
func Signed(protocol, micalg string, content Part, sign func(octets io.WriterTo) (Part, error)) Part {
	return Part{
		body: signedBody{parts: []Part{content}, sign: sign}, media: "multipart/signed",
		params: []mimewire.Parameter{{Name: "protocol", Value: protocol}, {Name: "micalg", Value: micalg}},
	}
}

// Encrypted returns encrypted content with the part that says how (RFC 1847 section 2.2).
func Encrypted(protocol string, control, content Part) Part {
	return multipart("encrypted", []Part{control, content}).Param("protocol", protocol)
}

// asText makes a signature in ASCII armor be written as it is, as RFC 3156 section 5 shows it, instead of in base64.
func (p *Part) asText() error {
	b, _ := p.body.(fileBody)
	content, ok := b.source.(inMemory)
	if !ok || p.encoding != EncodingAuto {
		return nil
	}
	data, err := content.bytes()
	if err != nil || !bytes.HasPrefix(data, []byte("-----BEGIN ")) {
		return err
	}
	var canonical []byte
	canonical = mimewire.AppendCanonical(canonical, string(data))
	var s mimewire.LineScanner
	_, _ = s.Write(canonical) // a scanner never fails
	if facts := s.Facts(); facts.Fits(SevenBit) == nil && !facts.MangledByRelays && !facts.Control {
		p.body, p.encoding = fileBody{bytesSource(canonical)}, SevenBit
	}
	return nil
}

// onlyChild returns the part of a multipart that has one and is written as that part. What was set on the multipart goes
// to the part; what both have, or what only a multipart can have, is an error.
func (p *Part) onlyChild(only *Part) (*Part, error) {
	child := *only
	var err error
	join := func(name string, has, hasToo bool) {
		if has && hasToo && err == nil {
			err = fmt.Errorf("a multipart of one part is written as that part, and both have a %s", name)
		}
	}
	join("description", p.description != "", child.description != "")
	join("Content-ID", p.id != "", child.id != "")
	join("file name", p.name != "", child.name != "")
	join("content disposition", p.disposition != "", child.disposition != "" && child.disposition != p.disposition)
	if len(p.params) > 0 && err == nil {
		err = errors.New("a multipart of one part is written as that part: set parameters there, or use Multipart")
	}
	child.description = cmp.Or(child.description, p.description)
	child.id = cmp.Or(child.id, p.id)
	child.name = cmp.Or(child.name, p.name)
	child.disposition = cmp.Or(child.disposition, p.disposition)
	child.fields = append(slices.Clip(child.fields), p.fields...)
	return &child, err
}

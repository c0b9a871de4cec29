package message

import (
	"io"
	"slices"

	"github.com/depeche-mail/depeche/internal/mimewire"
)

// Mixed returns parts to be shown one after the other. Of a single part it is that part.
func Mixed(parts ...Part) Part { return multipart("mixed", parts) }

// Alternative returns the same content in several forms, the preferred one last. Of a single part it
// is that part.
func Alternative(parts ...Part) Part { return multipart("alternative", parts) }

// Related returns a document and the parts that it shows by their Content-ID (RFC 2387). Of a single
// part it is that part.
func Related(root Part, parts ...Part) Part {
	return multipart("related", slices.Insert(slices.Clone(parts), 0, root))
}

// Multipart returns a multipart of another subtype, such as "digest", always with its own boundary.
func Multipart(subtype string, parts ...Part) Part { return multipart(subtype, parts) }

func multipart(subtype string, parts []Part) Part {
	return Part{form: formMultipart, media: "multipart/" + subtype, children: slices.Clone(parts)}
}

// Signed returns content with a signature beside it (RFC 1847 section 2.1). Build writes the content
// once and for all and hands its octets to sign, which returns the part with the signature, such as
// Bytes("signature.asc", armored).Type(protocol). They are 7-bit and hold nothing that relays change.
// micalg names the hash, such as "pgp-sha256".
func Signed(protocol, micalg string, content Part, sign func(octets io.WriterTo) (Part, error)) Part {
	return Part{
		form: formSigned, media: "multipart/signed", children: []Part{content}, seal: sign,
		params: []mimewire.Parameter{{Name: "protocol", Value: protocol}, {Name: "micalg", Value: micalg}},
	}
}

// Encrypted returns encrypted content with the part that says how (RFC 1847 section 2.2).
func Encrypted(protocol string, control, content Part) Part {
	return multipart("encrypted", []Part{control, content}).Param("protocol", protocol)
}

// collapses reports whether the multipart of a single part is that part.
func collapses(media string) bool {
	return media == "multipart/mixed" || media == "multipart/alternative" || media == "multipart/related"
}

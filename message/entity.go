package message

import (
	"crypto/rand"
	"errors"
	"io"
)

// Entity returns the part as it would stand in a message, alone: its Content-* fields, an empty line and its content, in
// lines that end in CRLF. It is what S/MIME and PGP sign or encrypt, and what an interface of a provider may want. Every
// WriteTo of it writes the same octets; a file is read anew each time. The error joins a [*FieldError] for each fault.
func (p Part) Entity() (io.WriterTo, error) {
	prepared := preparer{step: "Entity"}
	var n node
	prepared.node(&p, &n)
	if len(prepared.errs) > 0 {
		return nil, errors.Join(prepared.errs...)
	}
	r := renderer{random: rand.Reader}
	if err := r.node(&n); err != nil {
		return nil, &FieldError{Field: "Entity", Value: p.name, Err: err}
	}
	return r.finish(), nil
}

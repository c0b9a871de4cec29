package dkim

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// field is one header field.
type field struct {
	raw   []byte // without the last line end
	named int    // how long the name is
	colon int    // where the colon is
}

func newField(raw []byte, colon int) field {
	name := bytes.TrimRight(raw[:colon], " \t") // RFC 5322 section 4.5 has white space before the colon
	return field{raw, len(name), colon}
}

func (f field) name() []byte  { return f.raw[:f.named] }
func (f field) value() []byte { return f.raw[f.colon+1:] }

// is reports whether the field has this name, which is ASCII.
func (f field) is(name string) bool {
	if f.named != len(name) {
		return false
	}
	for i, c := range f.name() {
		if lower(c) != lower(name[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}

// maxFields is how many fields a header section may have, because a signature may ask for many of them.
const maxFields = 10_000

// parseHeader returns the fields of a header section in their order. The section ends with a line end or
// without one.
func parseHeader(section []byte) ([]field, error) {
	fields := make([]field, 0, 16)
	for number := 1; len(section) > 0; {
		raw, lines := section, 1
		for from := 0; ; lines++ {
			end := bytes.Index(section[from:], crlf)
			if end < 0 {
				section = nil
				break
			}
			from += end + len(crlf)
			if from == len(section) || section[from] != ' ' && section[from] != '\t' {
				raw, section = section[:from-len(crlf)], section[from:]
				break
			}
		}
		if len(fields) == maxFields {
			return nil, fmt.Errorf("the message has more than %d header fields", maxFields)
		}
		colon := bytes.IndexByte(raw, ':')
		if colon < 1 || !isName(newField(raw, colon).name()) {
			return nil, fmt.Errorf("line %d of the message is not a header field: %q", number, short(raw))
		}
		fields = append(fields, newField(raw, colon))
		number += lines
	}
	return fields, nil
}

// isName reports whether name may name a header field (RFC 5322 section 2.2).
func isName[T string | []byte](name T) bool {
	for i := range len(name) {
		if c := name[i]; c <= ' ' || c > '~' || c == ':' {
			return false
		}
	}
	return len(name) > 0
}

// short cuts a text that an error quotes.
func short(text []byte) string {
	const limit = 60
	if len(text) > limit {
		return string(text[:limit]) + "..."
	}
	return string(text)
}

// values returns the values of all fields of a name, from the top.
func values(fields []field, name string) (list [][]byte) {
	for _, f := range fields {
		if f.is(name) {
			list = append(list, f.value())
		}
	}
	return list
}

// picker gives the fields that an h= tag lists: of several fields of one name the last one first, and
// nothing once there are no more (RFC 6376 section 5.4.2).
type picker struct {
	fields []field
	taken  []bool
}

func newPicker(fields []field) *picker { return &picker{fields, make([]bool, len(fields))} }

// pick returns the next field of a name.
func (p *picker) pick(name string) (field, bool) {
	for i, f := range slices.Backward(p.fields) {
		if !p.taken[i] && f.is(name) {
			p.taken[i] = true
			return f, true
		}
	}
	return field{}, false
}

// canonicalHeader returns what the signature of the fields in names is made over, without the signature's
// own field.
func canonicalHeader(fields []field, names []string, form Canonicalization) []byte {
	p := newPicker(fields)
	var dst []byte
	for _, name := range names {
		if f, ok := p.pick(strings.TrimSpace(name)); ok {
			dst = appendField(dst, f, form)
		}
	}
	return dst
}

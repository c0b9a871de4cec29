package commands

import "strconv"

// Bdat announces a chunk of content, whose octets follow the line at once (RFC 3030 section 2).
type Bdat struct {
	Size int64
	Last bool // the chunk ends the content
}

// Verb returns BDAT.
func (Bdat) Verb() string { return "BDAT" }

// AppendTo appends the line, without the chunk.
func (c Bdat) AppendTo(dst []byte) ([]byte, error) {
	if c.Size < 0 {
		return dst, &ArgumentError{Verb: c.Verb(), Reason: "negative size"}
	}
	dst = strconv.AppendInt(append(dst, "BDAT "...), c.Size, 10)
	if c.Last {
		dst = append(dst, " LAST"...)
	}
	return append(dst, '\r', '\n'), nil
}

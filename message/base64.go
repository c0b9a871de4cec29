package message

import (
	"encoding/base64"
	"io"
)

// Base64 lines of 76 characters (RFC 2045 section 6.8) hold 57 octets each.
const (
	lineOctets = 57
	lineChars  = 76
	blockLines = 512 // lines encoded before each write: about 39 KiB
)

// base64Lines encodes what is written to it in CRLF-ended lines.
type base64Lines struct {
	w    io.Writer
	rest []byte // input that does not fill a line yet
	out  []byte
}

func newBase64Lines(w io.Writer) *base64Lines {
	return &base64Lines{
		w: w, rest: make([]byte, 0, lineOctets), out: make([]byte, 0, blockLines*(lineChars+2)),
	}
}

func (b *base64Lines) Write(p []byte) (int, error) {
	n := len(p)
	if len(b.rest) > 0 {
		more := min(lineOctets-len(b.rest), len(p))
		b.rest, p = append(b.rest, p[:more]...), p[more:]
		if len(b.rest) < lineOctets {
			return n, nil
		}
		b.line(b.rest)
		b.rest = b.rest[:0]
	}
	for len(p) >= lineOctets {
		if len(b.out) == cap(b.out) {
			if err := b.flush(); err != nil {
				return 0, err
			}
		}
		b.line(p[:lineOctets])
		p = p[lineOctets:]
	}
	b.rest = append(b.rest, p...)
	if len(b.out) == cap(b.out) {
		return n, b.flush()
	}
	return n, nil
}

func (b *base64Lines) line(p []byte) {
	b.out = append(base64.StdEncoding.AppendEncode(b.out, p), '\r', '\n')
}

func (b *base64Lines) flush() error {
	_, err := b.w.Write(b.out)
	b.out = b.out[:0]
	return err
}

// Close writes what is left. It does not close the writer below.
func (b *base64Lines) Close() error {
	if len(b.rest) > 0 {
		b.line(b.rest)
		b.rest = b.rest[:0]
	}
	return b.flush()
}

// base64Size is the number of octets that n octets of content become.
func base64Size(n int64) int64 {
	full, rest := n/lineOctets, n%lineOctets
	size := full * (lineChars + 2)
	if rest > 0 {
		size += (rest+2)/3*4 + 2
	}
	return size
}

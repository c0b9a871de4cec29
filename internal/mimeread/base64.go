package mimeread

import (
	"io"
)

// base64Decoder decodes base64 as RFC 2045 section 6.8 wants it read: octets outside the alphabet are
// ignored, and what follows padding is read on, as in files that were joined. Its zero value is ready.
type base64Decoder struct {
	held  uint32 // characters that wait for others
	count int
	stray bool // octets were ignored that are not line ends
}

var base64Values = func() (values [256]int8) {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	for i := range values {
		values[i] = -1
	}
	for i := range len(alphabet) {
		values[alphabet[i]] = int8(i)
	}
	return values
}()

// decode appends what src stands for, but for characters that wait for others.
func (d *base64Decoder) decode(dst, src []byte) []byte {
	for _, c := range src {
		value := base64Values[c]
		switch {
		case value >= 0:
			d.held = d.held<<6 | uint32(value)
			if d.count++; d.count == 4 {
				dst = append(dst, byte(d.held>>16), byte(d.held>>8), byte(d.held))
				d.held, d.count = 0, 0
			}
		case c == '=':
			dst = d.finish(dst)
		case c != '\r' && c != '\n' && c != ' ' && c != '\t':
			d.stray = true
		}
	}
	return dst
}

// finish appends what the waiting characters stand for, with or without their padding.
func (d *base64Decoder) finish(dst []byte) []byte {
	switch d.count {
	case 1:
		d.stray = true
	case 2:
		dst = append(dst, byte(d.held>>4))
	case 3:
		dst = append(dst, byte(d.held>>10), byte(d.held>>2))
	}
	d.held, d.count = 0, 0
	return dst
}

// decodingReader decodes as it is read.
type decodingReader struct {
	r      io.Reader
	in     [4 << 10]byte
	out    []byte
	rest   []byte // of out
	decode func(dst, src []byte, last bool) []byte
	err    error
}

func (d *decodingReader) Read(p []byte) (int, error) {
	for len(d.rest) == 0 {
		if d.err != nil {
			return 0, d.err
		}
		var n int
		n, d.err = d.r.Read(d.in[:])
		d.out = d.decode(d.out[:0], d.in[:n], d.err == io.EOF) //nolint:errorlint // io.Reader returns it bare
		d.rest = d.out
	}
	n := copy(p, d.rest)
	d.rest = d.rest[n:]
	return n, nil
}

// newBase64Reader returns what r stands for.
func newBase64Reader(r io.Reader) io.Reader { return new(base64Decoder).reader(r) }

// reader returns what r stands for. d can be asked for stray octets at its end.
func (d *base64Decoder) reader(r io.Reader) io.Reader {
	return &decodingReader{r: r, decode: func(dst, src []byte, last bool) []byte {
		dst = d.decode(dst, src)
		if last {
			dst = d.finish(dst)
		}
		return dst
	}}
}

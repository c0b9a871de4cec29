package mimewire

import (
	"encoding/base64"
	"encoding/binary"
	"io"
	"slices"
)

// Base64 lines of 76 characters (RFC 2045 section 6.8) hold 57 octets each.
const (
	lineOctets = 57
	lineChars  = 76
	lineOut    = lineChars + 2
	blockLines = 512 // lines encoded before each write: 28.5 KiB that become 39 KiB
)

// pairs holds the two characters for each 12 bits, the first one in the low octet, so that a word of
// little-endian pairs is text.
var pairs = func() (t [4096]uint16) {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	for i := range t {
		t[i] = uint16(alphabet[i>>6]) | uint16(alphabet[i&63])<<8
	}
	return t
}()

// encodeLine writes the 76 characters and the line end for 57 octets. It looks at the two octets
// after them too, but not into them: src has at least 59.
func encodeLine(dst, src []byte) {
	dst, src = dst[:lineOut:lineOut], src[:lineOctets+2:lineOctets+2]
	for i, o := 0, 0; i < 54; i, o = i+6, o+8 {
		v := binary.BigEndian.Uint64(src[i : i+8])
		binary.LittleEndian.PutUint64(dst[o:o+8],
			uint64(pairs[v>>52])|uint64(pairs[v>>40&0xfff])<<16|
				uint64(pairs[v>>28&0xfff])<<32|uint64(pairs[v>>16&0xfff])<<48)
	}
	v := uint32(src[54])<<16 | uint32(src[55])<<8 | uint32(src[56])
	binary.LittleEndian.PutUint32(dst[72:76], uint32(pairs[v>>12])|uint32(pairs[v&0xfff])<<16)
	dst[76], dst[77] = '\r', '\n'
}

// appendLines appends whole lines for src, whose length is a multiple of 57, each with its line end.
func appendLines(dst, src []byte) []byte {
	n := len(src) / lineOctets
	at := len(dst)
	dst = slices.Grow(dst, n*lineOut)[:at+n*lineOut]
	for ; len(src) >= lineOctets+2; src, at = src[lineOctets:], at+lineOut {
		encodeLine(dst[at:], src)
	}
	if len(src) == lineOctets {
		base64.StdEncoding.Encode(dst[at:], src)
		dst[at+lineChars], dst[at+lineChars+1] = '\r', '\n'
	}
	return dst
}

// AppendBase64 appends all of src in lines; the last one does not end.
func AppendBase64(dst, src []byte) []byte {
	whole := len(src) / lineOctets * lineOctets
	if whole == len(src) && whole > 0 {
		whole -= lineOctets // the last line
	}
	dst = appendLines(dst, src[:whole])
	return base64.StdEncoding.AppendEncode(dst, src[whole:])
}

// Base64Size is the number of octets that appendBase64 appends for n octets.
func Base64Size(n int64) int64 {
	if n == 0 {
		return 0
	}
	return (n+2)/3*4 + (n-1)/lineOctets*2
}

// Base64Buffers is what streaming an attachment needs: a block of content and of lines.
type Base64Buffers struct {
	in  [blockLines*lineOctets + 1]byte
	out [blockLines * lineOut]byte
}

// WriteBase64 copies r to w in lines; the last one does not end. It returns how many octets it read.
func (b *Base64Buffers) WriteBase64(w io.Writer, r io.Reader) (int64, error) {
	const block = blockLines * lineOctets
	var read int64
	held := 0
	for {
		n, err := io.ReadFull(r, b.in[held:])
		read += int64(n)
		held += n
		switch err {
		case nil: // there is one octet more than the block, so no line of it is the last one
			if _, err := w.Write(appendLines(b.out[:0], b.in[:block])); err != nil {
				return read, err
			}
			b.in[0], held = b.in[block], 1
		case io.EOF, io.ErrUnexpectedEOF:
			_, err := w.Write(AppendBase64(b.out[:0], b.in[:held]))
			return read, err
		default:
			return read, err
		}
	}
}

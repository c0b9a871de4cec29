package dkim

import (
	"bytes"
	"encoding/binary"
	"io"
	"math/bits"
)

// Canonicalization is how much of the form of a message a signature leaves open (RFC 6376 section 3.4).
type Canonicalization uint8

// The canonicalizations.
const (
	// Relaxed lets white space change, as many servers do. It is the default.
	Relaxed Canonicalization = iota
	// Simple lets nothing change but empty lines at the end of the body.
	Simple
)

// String returns the name that the c= tag has.
func (c Canonicalization) String() string {
	if c == Simple {
		return "simple"
	}
	return "relaxed"
}

// body writes a message body in canonical form (RFC 6376 sections 3.4.3 and 3.4.4). What it writes does not
// depend on how the body is cut into writes: what the next octet decides waits for it.
type body struct {
	to      io.Writer // never fails: a hash
	form    Canonicalization
	cr      bool // a CR that may begin a line end
	space   bool // white space that may end a line
	written bool
	lines   int64 // line ends that may be the end of the body

	small [512]byte // pieces that are not written yet
	held  int       // octets of small
}

// Write takes the next octets of the body; it never fails.
func (b *body) Write(p []byte) (int, error) {
	size := len(p)
	for len(p) > 0 {
		if b.cr {
			b.cr = false
			if p[0] == '\n' {
				b.space = false
				b.lines++
				p = p[1:]
				continue
			}
			b.emit(crlf[:1])
		}
		switch c := p[0]; {
		case c == '\r':
			b.cr = true
			p = p[1:]
		case b.form == Relaxed && (c == ' ' || c == '\t'):
			b.space = true
			p = p[1:]
		default:
			n := verbatim(p[:min(len(p), block)], b.form)
			b.emit(p[:n])
			p = p[n:]
		}
	}
	return size, nil
}

// block bounds what verbatim looks at, which looks at the rest again after each run of white space.
const block = 4 << 10

// verbatim returns how many octets at the start of p, of which the first is text, are their own canonical
// form and end with text.
func verbatim(p []byte, form Canonicalization) int {
	n := len(p)
	if form == Relaxed {
		n = oddSpace(p)
		if p[n-1] == ' ' { // last, so what follows is not known
			n--
		}
	}
	for { // what may be the end of the body, or the first half of it
		switch {
		case p[n-1] == '\r':
			n--
		case n >= 2 && p[n-1] == '\n' && p[n-2] == '\r':
			n -= 2
		default:
			return n
		}
	}
}

// oddSpace returns where the first white space of p is that does not stay as it is: a tab, or a space before
// white space or a CR. Without one it returns the length of p. It looks at eight octets at a time.
func oddSpace(p []byte) int {
	i := bytes.IndexByte(p, ' ')
	if i < 0 {
		i = len(p)
	}
	if tab := bytes.IndexByte(p[:i], '\t'); tab >= 0 {
		return tab
	}
	const width, each, bit = 8, 0x0101010101010101, '\t' ^ '\r' // what tells a tab from a CR
	before := false                                             // the octet before is a space
	for ; i+width <= len(p); i += width {
		word := binary.LittleEndian.Uint64(p[i:])
		spaces, others := matches(word, ' '), matches(word&^(each*bit), '\t') // others are tabs and CRs
		if before && (spaces|others)&0x80 != 0 {
			return i - 1
		}
		odd := spaces & ((spaces | others) >> width)
		if others != 0 {
			odd |= matches(word, '\t')
		}
		if odd != 0 {
			return i + bits.TrailingZeros64(odd)/width
		}
		before = spaces>>(64-1) != 0
	}
	for ; i < len(p); i++ {
		c := p[i]
		if before && (c == ' ' || c == '\t' || c == '\r') {
			return i - 1
		}
		if c == '\t' {
			return i
		}
		before = c == ' '
	}
	return i
}

// matches sets the high bit of each octet of word that is c.
func matches(word uint64, c byte) uint64 {
	const each, low = 0x0101010101010101, 0x7f7f7f7f7f7f7f7f
	word ^= each * uint64(c)
	return ^(word&low + low | word | low)
}

var (
	crlf  = []byte("\r\n")
	space = []byte(" ")
	ends  = bytes.Repeat(crlf, 32)
)

// emit writes text, and before it what has turned out to be before text.
func (b *body) emit(text []byte) {
	for b.lines > 0 {
		n := min(b.lines, int64(len(ends)/2))
		b.put(ends[:2*n])
		b.lines -= n
	}
	if b.space {
		b.put(space)
		b.space = false
	}
	b.put(text)
	b.written = true
}

// put writes octets, small pieces together.
func (b *body) put(octets []byte) {
	big := len(octets) > len(b.small)/2
	if big || b.held+len(octets) > len(b.small) {
		_, _ = b.to.Write(b.small[:b.held])
		b.held = 0
	}
	if big {
		_, _ = b.to.Write(octets)
		return
	}
	b.held += copy(b.small[b.held:], octets)
}

// end writes what the end of the body decides. A body of the simple form always ends with a line end, one of
// the relaxed form may be empty.
func (b *body) end() {
	if b.cr {
		b.cr = false
		b.emit(crlf[:1])
	}
	if b.written || b.form == Simple {
		b.put(crlf)
	}
	_, _ = b.to.Write(b.small[:b.held])
}

// appendField appends a header field in canonical form, with its line end (RFC 6376 sections 3.4.1 and 3.4.2).
func appendField(dst []byte, f field, form Canonicalization) []byte {
	if form == Simple {
		return append(append(dst, f.raw...), crlf...)
	}
	dst = append(appendLower(dst, f.name()), ':')
	start := len(dst)
	value := f.value()
	for i := 0; i < len(value); i++ {
		switch c := value[i]; {
		case c == '\r' && i+1 < len(value) && value[i+1] == '\n':
			i++
		case c != ' ' && c != '\t':
			dst = append(dst, c)
		case len(dst) > start && dst[len(dst)-1] != ' ':
			dst = append(dst, ' ')
		}
	}
	if n := len(dst); n > start && dst[n-1] == ' ' {
		dst = dst[:n-1]
	}
	return append(dst, crlf...)
}

// appendLower appends an ASCII name in lower case.
func appendLower(dst, name []byte) []byte {
	for _, c := range name {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		dst = append(dst, c)
	}
	return dst
}

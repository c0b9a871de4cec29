// Package words looks at text eight octets at a time: where lines end and how, and which octets are more than plain
// text. Every message passes through it, and some several times.
package words

import "math/bits"

// Eight octets as one number: their lowest bits, and their highest.
const (
	each = 0x0101010101010101
	top  = 0x8080808080808080
)

// Octets in one number, and in what is looked at between two branches.
const (
	width = 8
	block = 8 * width
)

// Marks are what some octet of a text is.
type Marks struct {
	EightBit bool // above 127
	NUL      bool
	Bare     bool // a CR without LF, or an LF without CR
}

// Look tells what is in p, which follows the octet last; 0 if it follows none. A CR at the end of p has its LF in
// what is to come, or must be judged by the caller.
//
// Of each two neighbours it compares whether the first is a CR with whether the second is an LF. An octet that is
// looked at twice does no harm, so the end of p needs no loop of its own.
func Look(p []byte, last byte) Marks {
	if len(p) == 0 {
		return Marks{}
	}
	m := single(last, p[0])
	if len(p) <= width {
		for i := 1; i < len(p); i++ {
			m.add(single(p[i-1], p[i]))
		}
		return m
	}
	var f found
	rest := p
	for f.high == 0 && len(rest) > block {
		if f.plain(rest); f.high == 0 {
			rest = rest[block:]
		}
	}
	for len(rest) > width {
		f.any(rest)
		rest = rest[width:]
	}
	f.any(p[len(p)-width-1:])
	m.add(Marks{f.high&top != 0, f.nul&top != 0, f.bare&top != 0})
	return m
}

// single looks at one octet and its neighbour.
func single(before, c byte) Marks {
	return Marks{EightBit: c >= 0x80, NUL: c == 0, Bare: (before == '\r') != (c == '\n')}
}

func (m *Marks) add(n Marks) {
	m.EightBit, m.NUL, m.Bare = m.EightBit || n.EightBit, m.NUL || n.NUL, m.Bare || n.Bare
}

// found collects what numbers show: the highest bit of an octet tells of it.
type found struct{ high, nul, bare uint64 }

// any looks at p[1:9] and at what stands before each of these octets.
func (f *found) any(p []byte) {
	before, now := load(p), load(p[1:])
	// An octet without its highest bit is subtracted from 128: only of one that is 0 the highest bit stays. The
	// octets that had it are not meant.
	nul := (top - now&^top) &^ now
	cr := (top - (before&^top ^ each*'\r')) &^ before
	lf := (top - (now&^top ^ each*'\n')) &^ now
	f.high |= now
	f.nul |= nul
	f.bare |= cr ^ lf
}

// plain looks at p[1:65] in the same way, without care for octets above 127. When high tells of one, what it found of
// these octets does not count.
func (f *found) plain(p []byte) {
	p = p[:block+1]
	a, b, c, d := load(p[1:]), load(p[9:]), load(p[17:]), load(p[25:])
	w, x, y, z := load(p[33:]), load(p[41:]), load(p[49:]), load(p[57:])
	if f.high = (a | b | c | d | w | x | y | z | uint64(p[0])) & top; f.high != 0 {
		f.high = top
		return
	}
	f.nul |= (top - a) | (top - b) | (top - c) | (top - d) | (top - w) | (top - x) | (top - y) | (top - z)
	f.bare |= unlike(load(p), a) | unlike(load(p[8:]), b) | unlike(load(p[16:]), c) | unlike(load(p[24:]), d) |
		unlike(load(p[32:]), w) | unlike(load(p[40:]), x) | unlike(load(p[48:]), y) | unlike(load(p[56:]), z)
}

// unlike tells, in the highest bit of each octet, whether one of before is a CR and that of now no LF, or the other
// way round. All are ASCII.
func unlike(before, now uint64) uint64 {
	return (top - (before ^ each*'\r')) ^ (top - (now ^ each*'\n'))
}

// FirstBare returns the place of the first CR of p without LF or LF without CR, where p follows the octet last: -1 is
// a CR that was last. Without one it returns len(p). A CR at the end of p is as for [Look].
func FirstBare(p []byte, last byte) int {
	for i, c := range p {
		switch {
		case last == '\r' && c != '\n':
			return i - 1
		case last != '\r' && c == '\n':
			return i
		}
		last = c
	}
	return len(p)
}

// Run returns how many octets at the beginning of s are from space to tilde and not stop, which is ASCII.
func Run[T string | []byte](s T, stop byte) int {
	n := 0
	if len(s) < width {
		for n < len(s) && s[n] >= ' ' && s[n] <= '~' && s[n] != stop {
			n++
		}
		return n
	}
	stops := each * uint64(stop)
	for ; n+width <= len(s); n += width {
		if marks := others(load(s[n:n+width]), stops); marks != 0 {
			return n + bits.TrailingZeros64(marks)/width
		}
	}
	n = len(s) - width // octets that are looked at twice do no harm
	if marks := others(load(s[n:]), stops); marks != 0 {
		return n + bits.TrailingZeros64(marks)/width
	}
	return len(s)
}

// others marks octets of x: the lowest marked one is the first that is not from space to tilde, or is that of stops. It is the
// lowest that has its highest bit set, or gets it by one of the sums.
func others(x, stops uint64) uint64 {
	return (x | (x + each) | (x - each*' ') | ((x ^ stops) - each)) & top
}

// load returns the first eight octets of s as one number, the first of them lowest. The compiler makes one load of it.
func load[T string | []byte](s T) uint64 {
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

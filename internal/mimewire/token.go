package mimewire

import (
	"crypto/rand"
	"encoding/binary"
)

// AppendToken appends bits as 26 characters: base32 (RFC 4648 section 6) in lower case, because some that look at tokens
// ignore case.
func AppendToken(dst []byte, bits *[16]byte) []byte {
	const alphabet = "abcdefghijklmnopqrstuvwxyz234567"
	const each, half = 5, 13 // bits of a character, and characters of a half
	high, low := binary.BigEndian.Uint64(bits[:8]), binary.BigEndian.Uint64(bits[8:])
	var token [2 * half]byte
	token[half-1] = alphabet[(high<<1|low>>63)&31]
	token[2*half-1] = alphabet[low<<2&31]
	high, low = high>>4, low>>3
	for i := half - 2; i >= 0; i-- {
		token[i], token[half+i] = alphabet[high&31], alphabet[low&31]
		high, low = high>>each, low>>each
	}
	return append(dst, token[:]...)
}

// Entropy is crypto/rand, which it asks for the bits of many tokens at once: to ask costs more than a header field. A machine
// that is saved and started again more than once would repeat what is left, so that what was asked for in another second
// is not used. Its zero value is ready.
type Entropy struct {
	bits   [256]byte
	left   int   // of bits
	second int64 // in which they were asked for
}

// At returns e, ready for a second.
func (e *Entropy) At(second int64) *Entropy {
	if e.second != second {
		e.second, e.left = second, 0
	}
	return e
}

// Read fills p, which is not longer than bits; it never fails.
func (e *Entropy) Read(p []byte) (int, error) {
	if e.left < len(p) {
		_, _ = rand.Read(e.bits[:]) // it never fails
		e.left = len(e.bits)
	}
	n := copy(p, e.bits[len(e.bits)-e.left:])
	e.left -= n
	return n, nil
}

package mimewire

import (
	secure "crypto/rand"
	"encoding/binary"
	"math/rand/v2"
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

// Entropy is a ChaCha8, which is a cryptographically strong generator, with a seed of crypto/rand: to ask that for each token
// costs more than a header field. A machine that is saved and started again more than once would repeat what comes, so that each
// second has a seed of its own.
type Entropy struct {
	generator *rand.ChaCha8
	second    int64 // of the seed
}

// At returns e, ready for a second.
func (e *Entropy) At(second int64) *Entropy {
	if e.second == second && e.generator != nil {
		return e
	}
	var seed [32]byte
	_, _ = secure.Read(seed[:]) // it never fails
	if e.second = second; e.generator == nil {
		e.generator = rand.NewChaCha8(seed)
	} else {
		e.generator.Seed(seed)
	}
	return e
}

// Read fills p; it never fails. It comes after At.
func (e *Entropy) Read(p []byte) (int, error) { return e.generator.Read(p) }

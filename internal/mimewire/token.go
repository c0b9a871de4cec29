package mimewire

import "encoding/binary"

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

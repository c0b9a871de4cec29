package message

import (
	"encoding/base64"
	"unicode/utf8"
)

// Encoded-words of RFC 2047 section 2: at most 75 characters, of which prefix and suffix take 12.
const (
	wordPrefixQ = "=?utf-8?q?"
	wordPrefixB = "=?utf-8?b?"
	wordSuffix  = "?="
	wordRoom    = 75 - len(wordPrefixQ) - len(wordSuffix)
)

// encodedWords returns text, which must be valid UTF-8, as encoded-words that readers join without
// the spaces between them. Words end between characters, never inside one. The encoding is the
// shorter of Q and B.
func encodedWords(text string) []string {
	quoted := 0
	for i := range len(text) {
		quoted += qLen(text[i])
	}
	if quoted <= base64.StdEncoding.EncodedLen(len(text)) {
		return cutWords(text, wordPrefixQ, qLen, wordRoom, appendQ)
	}
	// B words hold a multiple of 3 octets where the characters allow it; padding in the middle of a
	// run stops one reader.
	return cutWords(text, wordPrefixB, func(byte) int { return 1 }, wordRoom/4*3, appendB)
}

// cutWords cuts text into pieces that cost at most room and wraps each as an encoded-word.
func cutWords(text, prefix string, cost func(byte) int, room int, encode func([]byte, string) []byte) []string {
	var words []string
	for text != "" {
		end, used := 0, 0
		for end < len(text) {
			_, size := utf8.DecodeRuneInString(text[end:])
			more := 0
			for i := range size {
				more += cost(text[end+i])
			}
			if used+more > room {
				break
			}
			end, used = end+size, used+more
		}
		word := encode(append(make([]byte, 0, 75), prefix...), text[:end])
		words = append(words, string(append(word, wordSuffix...)))
		text = text[end:]
	}
	return words
}

// qLen is the length of an octet in the Q encoding, in the alphabet that phrases allow
// (RFC 2047 section 5 rule 3).
func qLen(c byte) int {
	if c == ' ' || qLiteral(c) {
		return 1
	}
	return 3
}

func qLiteral(c byte) bool {
	switch c {
	case '!', '*', '+', '-', '/':
		return true
	}
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

func appendQ(dst []byte, s string) []byte {
	const upperHex = "0123456789ABCDEF"
	for i := range len(s) {
		switch c := s[i]; {
		case c == ' ':
			dst = append(dst, '_')
		case qLiteral(c):
			dst = append(dst, c)
		default:
			dst = append(dst, '=', upperHex[c>>4], upperHex[c&15])
		}
	}
	return dst
}

func appendB(dst []byte, s string) []byte {
	return base64.StdEncoding.AppendEncode(dst, []byte(s))
}

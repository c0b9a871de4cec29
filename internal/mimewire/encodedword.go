package mimewire

import (
	"encoding/base64"
	"unicode"
	"unicode/utf8"

	"github.com/depeche-mail/depeche/internal/ascii"
)

// Encoded-words of RFC 2047 section 2: at most 75 characters.
const (
	wordPrefixQ = "=?utf-8?q?"
	wordPrefixB = "=?utf-8?b?"
	wordSuffix  = "?="
	wordFrame   = len(wordPrefixQ) + len(wordSuffix)
	wordMost    = 75
	wordLeast   = wordFrame + 12 // one character always fits, as 4 octets in Q
)

// encode appends text, which must be valid UTF-8, as encoded-words, which readers join without the
// spaces between them. The encoding is the shorter of Q and B for the whole,
// and Q for ASCII, because spam filters count B where nothing needs it.
func (f *Folder) encode(text string) {
	quoted := total(text, &qCost)
	asQ := quoted <= base64.StdEncoding.EncodedLen(len(text)) || IsASCII(text)
	for text != "" {
		whole := wordFrame + quoted
		if !asQ {
			whole = wordFrame + base64.StdEncoding.EncodedLen(len(text))
		}
		room := EncodedAt - f.column - 1
		// One reader shows a space between two words in a name, so a fold is better than a cut.
		if !f.first && (room < wordLeast || room < whole && whole <= wordMost) {
			f.fold()
			room = wordMost
		}
		n, q := cutWord(text, asQ, min(max(room, wordLeast), wordMost)-wordFrame)
		f.encodedWord(text[:n], q)
		quoted -= total(text[:n], &qCost)
		text = text[n:]
	}
}

func (f *Folder) encodedWord(text string, q bool) {
	f.Dst = append(f.Dst, ' ')
	start := len(f.Dst)
	if q {
		f.Dst = appendQ(append(f.Dst, wordPrefixQ...), text)
	} else {
		f.Scratch = append(f.Scratch[:0], text...)
		f.Dst = base64.StdEncoding.AppendEncode(append(f.Dst, wordPrefixB...), f.Scratch)
	}
	f.Dst = append(f.Dst, wordSuffix...)
	f.column += 1 + len(f.Dst) - start
	f.first, f.encoded = false, true
}

// cutWord returns how many octets of text the next word takes, given room for encoded characters,
// and whether it is a Q word. Words end between characters, and between those that a reader would see
// as one where that is possible. A B word that is not the last holds a multiple of 3 octets, because
// padding inside a run stops one reader; where no character ends there, the word becomes Q.
func cutWord(text string, asQ bool, room int) (n int, q bool) {
	if asQ {
		return cut(text, &qCost, room, 1), true
	}
	octets := room / 4 * 3
	if len(text) <= octets {
		return len(text), false
	}
	if n := cut(text, &octetCost, octets, 3); n > 0 {
		return n, false
	}
	return cut(text, &qCost, room, 1), true
}

// cut returns the length of the longest beginning of text that costs at most room, ends between
// characters and has a length that is a multiple of step; 0 without one. One that is up to half as long and ends between
// what readers see as characters is better.
func cut(text string, cost *[256]uint8, room, step int) int {
	most := 0 // of what costs at most room
	for i := range len(text) {
		if room -= int(cost[text[i]]); room < 0 {
			break
		}
		if i+1 == len(text) || utf8.RuneStart(text[i+1]) {
			most = i + 1
		}
	}
	exact := 0 // the longest, even if it takes apart what readers see as one character
	for n := most; n > exact/2; {
		r, size := utf8.DecodeLastRuneInString(text[:n])
		if n%step == 0 {
			exact = max(exact, n)
			if n == len(text) || !joins(r, text[n:]) {
				return n
			}
		}
		n -= size
	}
	return exact
}

// joins reports whether the text after a character belongs to what it shows: a combining mark, or a
// sequence of emoji.
func joins(r rune, rest string) bool {
	const joiner = '\u200d'
	next, _ := utf8.DecodeRuneInString(rest)
	return r == joiner || next == joiner || unicode.In(next, unicode.M, unicode.Sk)
}

// qCost is the length of an octet in the Q encoding, in the alphabet that phrases allow
// (RFC 2047 section 5 rule 3).
var qCost = func() (cost [256]uint8) {
	for c := range cost {
		cost[c] = 3
		if b := byte(c); b == ' ' || IsAlphanumeric(b) || b == '!' || b == '*' || b == '+' || b == '-' || b == '/' {
			cost[c] = 1
		}
	}
	return cost
}()

// octetCost counts octets.
var octetCost = func() (cost [256]uint8) {
	for c := range cost {
		cost[c] = 1
	}
	return cost
}()

// total is what text costs.
func total(text string, cost *[256]uint8) int {
	n := 0
	for i := range len(text) {
		n += int(cost[text[i]])
	}
	return n
}

const upperHex = "0123456789ABCDEF"

func appendQ(dst []byte, s string) []byte {
	for i := range len(s) {
		switch c := s[i]; {
		case c == ' ':
			dst = append(dst, '_')
		case qCost[c] == 1:
			dst = append(dst, c)
		default:
			dst = append(dst, '=', upperHex[c>>4], upperHex[c&15])
		}
	}
	return dst
}

// IsASCII reports whether no octet of s is above 127.
func IsASCII[T string | []byte](s T) bool { return ascii.Only(s) }

// IsAlphanumeric reports whether c is an ASCII letter or digit.
func IsAlphanumeric(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

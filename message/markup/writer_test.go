package markup

import (
	"math/rand/v2"
	"strings"
	"testing"
)

// TestWords: blanks of all kinds separate words, and the octets of other characters do not, nor octets of broken UTF-8.
func TestWords(t *testing.T) {
	random := rand.New(rand.NewPCG(9, 10))
	pieces := []string{" ", "\t", "\r\n", "\f", "\u00a0", "\u2003", "ü", "\u00c2", "\xc2", "\xa0", "a", "word", "\u0120", "日本"}
	for range 3000 {
		var text strings.Builder
		for range random.IntN(12) {
			text.WriteString(pieces[random.IntN(len(pieces))])
		}
		var w textWriter
		w.words(text.String())
		words := strings.FieldsFunc(text.String(), func(c rune) bool { return strings.ContainsRune(blanks, c) })
		if want, got := strings.Join(words, " "), w.out.String(); got != want {
			t.Fatalf("%q became %q, want %q", text.String(), got, want)
		}
	}
}

package mimewire

import (
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"
)

// TestBidirectionalControls: each that turns text around has its counterpart, in order, and no other text is looked at for it.
func TestBidirectionalControls(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	kinds := []string{"a", "ü", "\u202a", "\u202b", "\u202c", "\u202d", "\u202e", "\u2066", "\u2067", "\u2068", "\u2069", "\u2027", "\u202f", "\u2065", "\u206a"}
	closed := strings.NewReplacer("\u202a\u202c", "", "\u202b\u202c", "", "\u202d\u202c", "", "\u202e\u202c", "", "\u2066\u2069", "", "\u2067\u2069", "", "\u2068\u2069", "")
	refused := 0
	for range 20_000 {
		var text strings.Builder
		for range 1 + random.IntN(6) {
			text.WriteString(kinds[random.IntN(len(kinds))])
		}
		rest := strings.Map(func(r rune) rune { // the controls alone
			if r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069' {
				return r
			}
			return -1
		}, text.String())
		for before := ""; rest != before; {
			before, rest = rest, closed.Replace(rest)
		}
		err := CheckText(text.String())
		if (err == nil) != (rest == "") {
			t.Fatalf("%+q: %v, and %+q is open", text.String(), err, rest)
		}
		if err != nil {
			refused++
		}
		if clean := CleanText(text.String()); CheckText(clean) != nil || !utf8.ValidString(clean) {
			t.Fatalf("%+q becomes %+q", text.String(), clean)
		}
	}
	t.Logf("%d refused", refused)
}

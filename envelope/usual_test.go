package envelope

import (
	"math/rand/v2"
	"strings"
	"testing"
)

// sameAsParse reports an address that one pass reads in another way than the parser of all forms.
func sameAsParse(t *testing.T, s string) {
	t.Helper()
	a, ok := usual(s)
	if !ok {
		return
	}
	if want, err := parse(s); err != nil || a != want {
		t.Errorf("%q: %+v in one pass, want %+v, %v", s, a, want, err)
	}
}

// TestUsual: the addresses of most mails take one pass, which reads nothing that the parser of all forms would not read
// in the same way.
func TestUsual(t *testing.T) {
	for _, s := range []string{"a@b", "nobody@domain.tld", "first.last+tag@mail-1.example.org", "o'neil@x.y.z", "-a@b.c", "1@2"} {
		if _, ok := usual(s); !ok {
			t.Errorf("%q took more than one pass", s)
		}
		sameAsParse(t, s)
	}
	random := rand.New(rand.NewPCG(1, 2))
	const letters = "ab.@-A1\"[ü\x00_"
	for range 50_000 {
		var b strings.Builder
		for range random.IntN(12) {
			b.WriteByte(letters[random.IntN(len(letters))])
		}
		sameAsParse(t, b.String())
		sameAsParse(t, "a@xn--"+b.String())
		sameAsParse(t, "x@b-"+b.String()+"a")
		sameAsParse(t, "x."+b.String()+"@example.org")
	}
	sameAsParse(t, strings.Repeat("a", 70)+"@example.org")
}

func FuzzUsual(f *testing.F) {
	f.Add("a.b@c-d.e")
	f.Fuzz(sameAsParse)
}

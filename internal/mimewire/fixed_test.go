package mimewire

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestFixed: what is known of fixed lines, beside what is around them, is what is known of the whole text, and so are their octets.
func TestFixed(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	words := []string{"plain text of some words ", "\n", "\r\n", "\n\n", "ü", "=", " \n", "From ", ".", "--=_", "--", "\t", "\x01", "\r", "\xff", strings.Repeat("long", 30)}
	part := func() string {
		var b strings.Builder
		for range random.IntN(40) {
			b.WriteString(words[min(random.IntN(len(words)*3), random.IntN(len(words)))])
		}
		return b.String()
	}
	kept := 0
	for range 10000 {
		before, text, after := part(), part(), part()
		f := NewFixed(text)
		if f.Head+f.Lines+f.Tail != text {
			t.Fatalf("%q became %q, %q, %q", text, f.Head, f.Lines, f.Tail)
		}
		if f.Lines == "" {
			continue
		}
		kept++
		before, after = before+f.Head, f.Tail+after
		whole, got := ScanText(before+f.Lines+after), ScanText(before+after)
		got.Add(f.Facts)
		if diff := cmp.Diff(whole, got, cmp.AllowUnexported(TextFacts{})); diff != "" {
			t.Fatalf("%q, %q, %q (-whole +pieces):\n%s", before, f.Lines, after, diff)
		}
		if whole.Returns {
			continue
		}
		quoted := string(AppendQP(append(AppendQP(nil, before), f.Encoded(QuotedPrintable)...), after))
		if diff := cmp.Diff(string(AppendQP(nil, before+f.Lines+after)), quoted); diff != "" {
			t.Fatalf("quoted-printable (-whole +pieces):\n%s", diff)
		}
		plain := string(AppendCanonical(append(AppendCanonical(nil, before), f.Encoded(EightBit)...), after))
		if diff := cmp.Diff(string(AppendCanonical(nil, before+f.Lines+after)), plain); diff != "" {
			t.Fatalf("as it is (-whole +pieces):\n%s", diff)
		}
	}
	if kept < 300 {
		t.Errorf("only %d texts had lines to keep", kept)
	}
}

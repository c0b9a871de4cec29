package mimewire

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestScanText: the facts of a text are those of the content that it becomes, its last line ended.
func TestScanText(t *testing.T) {
	texts := []string{
		"", "a", "a\n", "a\r\nb\n", "blank \n", "tab\t\nx", "blank at the end ", "From here\n", "x\nFrom here", "--=_x\n", "a --=_x\n", "ü\n", "\x00\n", "\x7f\x01",
		strings.Repeat("x", 100) + " \n", "\n\n\n",
	}
	random := rand.New(rand.NewPCG(1, 2))
	const letters = "ab \t\n\nF=_-.ü\x7f"
	for range 2000 {
		var b strings.Builder
		for range random.IntN(30) {
			b.WriteByte(letters[random.IntN(len(letters))])
		}
		texts = append(texts, b.String(), "From "+b.String(), b.String()+"--=_")
	}
	for _, text := range texts {
		want, got := scan(string(AppendCanonical(nil, text)), 1000), ScanText(text).LineFacts
		want.Header, got.Header = false, false // a text has none
		if want.MayHoldBoundary && !got.MayHoldBoundary {
			// In a text, a boundary counts at the beginning of a line only: it has no other parts.
			want.MayHoldBoundary = strings.HasPrefix(text, "--=_") || strings.Contains(text, "\n--=_")
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%q (-content +text):\n%s", text, diff)
		}
	}
}

// TestTextEncoding: the encoding of a text when the caller did not choose.
func TestTextEncoding(t *testing.T) {
	for text, want := range map[string][2]Encoding{ // for relays with and without 8BITMIME
		"plain\n":                              {SevenBit, SevenBit},
		"trailing blank \n":                    {QuotedPrintable, EightBit},
		"From here\n":                          {QuotedPrintable, EightBit},
		"Grüße\n":                              {QuotedPrintable, EightBit},
		"bell \a\n":                            {QuotedPrintable, QuotedPrintable},
		strings.Repeat("日本語", 30) + "\n":       {Base64, EightBit},
		strings.Repeat("x", 999) + "\n":        {QuotedPrintable, QuotedPrintable},
		strings.Repeat("\x00\x01", 200) + "\n": {Base64, Base64},
	} {
		facts := ScanText(text)
		if got := [2]Encoding{facts.Encoding(false), facts.Encoding(true)}; got != want {
			t.Errorf("%.20q: %v, want %v", text, got, want)
		}
	}
}

// TestLineEnds: lines may end in LF, CRLF or CR, and become LF alone.
func TestLineEnds(t *testing.T) {
	if got := SimpleEnds("a\r\nb\rc\nd\r\r\n"); got != "a\nb\nc\nd\n\n" {
		t.Errorf("%q", got)
	}
	for text, want := range map[string][2]string{"": {"", ""}, "a": {"a", ""}, "a\nb": {"a", "b"}, "a\r\nb": {"a", "b"}, "\r\nb": {"", "b"}, "a\r\r\n": {"a\r", ""}} {
		line, rest := CutLine(text)
		if got := [2]string{line, rest}; got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

package mimewire

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// scan returns the line facts of a text that comes in pieces of some size.
func scan(text string, size int) LineFacts {
	var s LineScanner
	for text != "" {
		n := min(size, len(text))
		_, _ = s.Write([]byte(text[:n])) // a scanner never fails
		text = text[n:]
	}
	return s.Facts()
}

// TestLineScanner: what is seen in content does not depend on the pieces in which it comes.
func TestLineScanner(t *testing.T) {
	for text, want := range map[string]LineFacts{
		"":                        {},
		"a\r\nbcd\r\n":            {Size: 8, Longest: 3},
		"open":                    {Size: 4, Longest: 4, Open: true},
		"a\nb\r\n":                {Size: 5, Longest: 1, Bare: true},
		"a\rb\r\n":                {Size: 5, Longest: 2, Bare: true},
		"ends in CR\r":            {Size: 11, Longest: 10, Open: true, Bare: true},
		"blank \r\nx\r\n":         {Size: 11, Longest: 6, MangledByRelays: true},
		"tab\t\r\nx\r\n":          {Size: 9, Longest: 4, MangledByRelays: true},
		"blank at the end ":       {Size: 17, Longest: 17, Open: true, MangledByRelays: true},
		"x\r\nFrom here\r\n":      {Size: 14, Longest: 9, MangledByRelays: true},
		"x From here\r\n":         {Size: 13, Longest: 11},
		"FFrom here\r\n":          {Size: 12, Longest: 10},
		"--=_a\r\n":               {Size: 7, Longest: 5, MayHoldBoundary: true},
		"---=_a\r\n":              {Size: 8, Longest: 6, MayHoldBoundary: true},
		"-----=_a\r\n":            {Size: 10, Longest: 8, MayHoldBoundary: true},
		"--=-=_a -- =_\r\n":       {Size: 15, Longest: 13},
		"a: \xfc\r\n\r\nx\r\n":    {Size: 11, Longest: 4, EightBit: true, Header: true},
		"a: b\r\n\r\n\xfc\r\n":    {Size: 11, Longest: 4, EightBit: true},
		"a\x00b\r\n":              {Size: 5, Longest: 3, Control: true, NUL: true},
		"a\x7fb\tc\r\n":           {Size: 7, Longest: 5, Control: true},
		strings.Repeat("x", 1000): {Size: 1000, Longest: 1000, Open: true},
	} {
		for _, size := range []int{1, 2, 3, 1000} {
			if diff := cmp.Diff(want, scan(text, size)); diff != "" {
				t.Errorf("%.20q in pieces of %d (-want +got):\n%s", text, size, diff)
			}
		}
	}
}

// FuzzLineScanner: runs of plain text that are taken at once are what one octet after the other is.
func FuzzLineScanner(f *testing.F) {
	for _, text := range []string{"a: b\r\n\r\nFrom here\r\n--=_ the end", "a very long line with a dash - in it, and ---=_\r\n", "x\rabcdefghijk\n\xffabcdefghijkl \r\n"} {
		f.Add(text, 3)
	}
	f.Fuzz(func(t *testing.T, text string, size int) {
		var s LineScanner
		for i := range len(text) {
			s.octet(text[i])
		}
		s.facts.Size = int64(len(text))
		s.facts.Open = s.line > 0
		if diff := cmp.Diff(s.Facts(), scan(text, max(1, size))); diff != "" {
			t.Errorf("%q in pieces of %d (-octet by octet +at once):\n%s", text, size, diff)
		}
	})
}

// TestFits: what 7bit and 8bit can carry (RFC 2045 sections 2.7 and 2.8). The other encodings carry everything.
func TestFits(t *testing.T) {
	all := LineFacts{EightBit: true, NUL: true, Bare: true, Longest: 2000}
	for name, tc := range map[string]struct {
		facts    LineFacts
		seven    string // "" when it fits
		eightBit string
	}{
		"plain":         {LineFacts{Longest: 998}, "", ""},
		"control":       {LineFacts{Control: true, MangledByRelays: true, Open: true}, "", ""},
		"a long line":   {LineFacts{Longest: 999}, "line of 999 octets", "line of 999 octets"},
		"octets of 8":   {LineFacts{EightBit: true}, "octets above 127", ""},
		"NUL":           {LineFacts{NUL: true}, "NUL", "NUL"},
		"bare newlines": {LineFacts{Bare: true}, "CRLF", "CRLF"},
	} {
		for e, want := range map[Encoding]string{SevenBit: tc.seven, EightBit: tc.eightBit} {
			err := tc.facts.Fits(e)
			if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("%s in %s: %v, want %q", name, e, err, want)
			}
		}
	}
	for _, e := range []Encoding{QuotedPrintable, Base64} {
		if err := all.Fits(e); err != nil {
			t.Errorf("%s: %v", e, err)
		}
	}
}

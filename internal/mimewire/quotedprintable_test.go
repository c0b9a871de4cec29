package mimewire

import (
	"io"
	"mime/quotedprintable"
	"strings"
	"testing"
)

// TestQuotedPrintable: what comes back is what was written, with CRLF, and no line is one that relays change.
func TestQuotedPrintable(t *testing.T) {
	for _, text := range []string{
		"plain\n", "Grüße\n", "trailing \n", "tab\t\n", ".\n..\n", "From here\n", "--x\n", "a=b\n", strings.Repeat("x", 200) + "\n", strings.Repeat("ü", 100) + "\n", strings.Repeat("x", 75) + " \n", strings.Repeat("x", 74) + "ü\n", "no end", "\n\n", "a\r\nb\r\n",
	} {
		got := string(AppendQP(nil, text))
		for line := range strings.SplitSeq(got, "\r\n") {
			if len(line) > 76 || strings.HasSuffix(line, " ") || strings.HasSuffix(line, "\t") || strings.HasPrefix(line, ".") || strings.HasPrefix(line, "From ") || strings.HasPrefix(line, "--") {
				t.Errorf("%.20q: line %q", text, line)
			}
		}
		want := strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\n", "\r\n")
		if back, err := io.ReadAll(quotedprintable.NewReader(strings.NewReader(got))); err != nil || string(back) != want {
			t.Errorf("%.20q comes back as %.40q, %v", text, back, err)
		}
	}
}

// TestExactQuotedPrintable keeps every octet.
func TestExactQuotedPrintable(t *testing.T) {
	const odd = "bare\nnewline, bare\rreturn, end\x00\xff \t\r\n. From \r\n \r\nx "
	if back, err := io.ReadAll(quotedprintable.NewReader(strings.NewReader(string(AppendExactQP(nil, odd))))); err != nil || string(back) != odd {
		t.Errorf("%q, %v", back, err)
	}
}

// TestEncodedSize is an upper bound that is not far away.
func TestEncodedSize(t *testing.T) {
	for _, text := range []string{"", "x", strings.Repeat("a line\n", 1000), strings.Repeat("ü", 10_000), strings.Repeat("日本語の本文。\n", 1000), strings.Repeat("x", 10_000)} {
		facts := ScanText(text)
		for encoding, got := range map[Encoding]int{
			QuotedPrintable: len(AppendQP(nil, text)), Base64: len(AppendBase64(nil, AppendCanonical(nil, text))), SevenBit: len(AppendCanonical(nil, text)),
		} {
			if said := facts.EncodedSize(encoding); got > said+2 || said > got+got/10+8 {
				t.Errorf("%.10q in %s: %d octets, said %d", text, encoding, got, said)
			}
		}
	}
}

// TestCanonicalReader reads what AppendCanonical appends, in pieces of any size.
func TestCanonicalReader(t *testing.T) {
	for _, text := range []string{"", "a", "a\n", "a\r\n\r\nb", "\n\n", strings.Repeat("x", 100) + "\r\n" + strings.Repeat("y", 50)} {
		want := string(AppendCanonical(nil, text))
		for size := 1; size < 10; size++ {
			r, got, piece := NewCanonicalReader(text), "", make([]byte, size)
			for {
				n, err := r.Read(piece)
				got += string(piece[:n])
				if err != nil {
					break
				}
			}
			if got != want {
				t.Errorf("%q in pieces of %d: %q", text, size, got)
			}
		}
	}
}

// TestBlanksInQP: blanks stay as they are, but for the last one of a line, and no line is too long for one (RFC 2045 section 6.7
// rules 3 and 5).
func TestBlanksInQP(t *testing.T) {
	for text, want := range map[string]string{
		"a ü b\n": "a =C3=BC b\r\n", "a  \nb": "a =20\r\nb", "a\t\r\nb\t": "a=09\r\nb=09", " a\n \n": " a\r\n=20\r\n", "ü ü": "=C3=BC =C3=BC",
		"a \t=\n": "a \t=3D\r\n", "\t \tx y z\n": "\t \tx y z\r\n",
	} {
		if got := string(AppendQP(nil, text)); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	for n := range 160 {
		x := strings.Repeat("x", n)
		for text, want := range map[string]string{x + " \n": x + "=20\r\n", x + " y\n": x + " y\r\n", x + " ü\n": x + " =C3=BC\r\n"} {
			got := string(AppendQP(nil, text))
			if strings.ReplaceAll(got, "=\r\n", "") != want {
				t.Errorf("%q: %q", text, got)
			}
			for line := range strings.SplitSeq(got, "\r\n") {
				if len(line) > 76 {
					t.Errorf("%q: a line of %d", text, len(line))
				}
			}
		}
	}
}

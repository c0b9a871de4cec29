package dkim

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"regexp"
	"strings"
	"testing"
)

// canonicalBody returns a body in canonical form, written in pieces that end at these offsets.
func canonicalBody(text []byte, form Canonicalization, cuts ...int) string {
	var out bytes.Buffer
	b := body{to: &out, form: form}
	last := 0
	for _, cut := range cuts {
		_, _ = b.Write(text[last:cut])
		last = cut
	}
	_, _ = b.Write(text[last:])
	b.end()
	return out.String()
}

// plainBody is the canonical form by the sentences of RFC 6376 sections 3.4.3 and 3.4.4, one after the other.
func plainBody(text string, form Canonicalization) string {
	if form == Relaxed {
		lines := strings.Split(text, "\r\n")
		for i, line := range lines {
			line = regexp.MustCompile(`[ \t]+`).ReplaceAllString(line, " ")
			lines[i] = strings.TrimSuffix(line, " ")
		}
		text = strings.Join(lines, "\r\n")
	}
	for strings.HasSuffix(text, "\r\n") {
		text = strings.TrimSuffix(text, "\r\n")
	}
	if text != "" || form == Simple {
		text += "\r\n"
	}
	return text
}

var forms = []Canonicalization{Relaxed, Simple}

// TestCanonicalExamples are the examples of RFC 6376 section 3.4.5.
func TestCanonicalExamples(t *testing.T) {
	const header, text = "A: X\r\nB : Y\t\r\n\tZ  \r\n", " C \r\nD \t E\r\n\r\n\r\n"
	want := map[Canonicalization][2]string{
		Relaxed: {"a:X\r\nb:Y Z\r\n", " C\r\nD E\r\n"},
		Simple:  {"A: X\r\nB : Y\t\r\n\tZ  \r\n", " C \r\nD \t E\r\n"},
	}
	fields, err := parseHeader([]byte(header))
	if err != nil || len(fields) != 2 {
		t.Fatal(fields, err)
	}
	for _, form := range forms {
		var dst []byte
		for _, f := range fields {
			dst = appendField(dst, f, form)
		}
		if string(dst) != want[form][0] {
			t.Errorf("%v header: %q", form, dst)
		}
		if got := canonicalBody([]byte(text), form); got != want[form][1] {
			t.Errorf("%v body: %q", form, got)
		}
	}
}

// TestEmptyBody has the hashes that RFC 6376 sections 3.4.3 and 3.4.4 give.
func TestEmptyBody(t *testing.T) {
	for form, want := range map[Canonicalization]string{
		Simple:  "frcCV1k9oG9oKj3dpUqdJg1PxRT2RSN/XKdLCPjaYaY=",
		Relaxed: "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
	} {
		sum := sha256.Sum256([]byte(canonicalBody(nil, form)))
		if got := base64.StdEncoding.EncodeToString(sum[:]); got != want {
			t.Errorf("%v: %s", form, got)
		}
	}
}

// bodies are what bodies may end with, and what is in them.
var bodies = []string{
	"", "\r\n", "\r\n\r\n", " ", " \r\n", "\t\r\n \r\n", "x", "x\r\n", "x\r\n\r\n\r\n", "x \r\n", "x \t", "x\t\r\n\r\n ", " x", "\r\n\r\nx",
	"a  b", "a \t b", "a\tb", "a b c d", "a b \r\nc", "a\r\n b", "a\r\n\tb", "a\rb", "a\nb", "a \rb", "\r", "\n", "x\r", "x \r", "\r\r\n", "\r\n\r", "a\r\n\r\n \r\n\r\nb\r\n",
	"..\r\n.\r\n", strings.Repeat("\r\n", 100) + "x" + strings.Repeat("\r\n", 100), strings.Repeat("0123456789abcde\r\n", 300), strings.Repeat("word ", 2000),
	"a\tb  " + strings.Repeat("y", 300) + "\tc  d", strings.Repeat(strings.Repeat("z", 255)+"\t", 4),
	strings.Repeat("x", block-1) + " y", strings.Repeat("x", block) + " y", strings.Repeat("x", block-1) + "\r\n y", strings.Repeat("\t", 100),
}

// TestCanonicalBody cuts each body at each place.
func TestCanonicalBody(t *testing.T) {
	for _, text := range bodies {
		for _, form := range forms {
			want := plainBody(text, form)
			for cut := range min(len(text), 300) + 1 {
				if got := canonicalBody([]byte(text), form, cut, min(cut+1, len(text))); got != want {
					t.Errorf("%.60q cut at %d, %v: %.60q, want %.60q", text, cut, form, got, want)
					break
				}
			}
		}
	}
}

// TestOddSpaceAtEachPlace: white space is found at each place of the words in which the search goes, in every order of the
// octets that matter.
func TestOddSpaceAtEachPlace(t *testing.T) {
	const octets, length, pads = "a \t\r", 6, 10
	naive := func(p []byte) int {
		for i, c := range p {
			if c == '\t' || c == ' ' && i+1 < len(p) && strings.IndexByte(" \t\r", p[i+1]) >= 0 {
				return i
			}
		}
		return len(p)
	}
	text := make([]byte, length)
	for number := range 1 << (2 * length) {
		for i := range text {
			text[i] = octets[number>>(2*i)&3]
		}
		for pad := range pads {
			p := append(bytes.Repeat([]byte("x "), pad), "x"...)[:1+pad]
			p = append(append(p, text...), "more text"[:pad]...)
			if got, want := oddSpace(p), naive(p); got != want {
				t.Fatalf("%q: %d, want %d", p, got, want)
			}
		}
	}
}

// FuzzCanonicalBody: the canonical form does not depend on how the body is cut into writes, and is that of the
// sentences of the RFC.
func FuzzCanonicalBody(f *testing.F) {
	for i, text := range bodies {
		f.Add([]byte(text), i, i*7)
	}
	f.Fuzz(func(t *testing.T, text []byte, first, second int) {
		if len(text) == 0 {
			return
		}
		first, second = abs(first)%len(text), abs(second)%len(text)
		for _, form := range forms {
			want := plainBody(string(text), form)
			if got := canonicalBody(text, form, min(first, second), max(first, second)); got != want {
				t.Errorf("%q cut at %d and %d, %v: %q, want %q", text, first, second, form, got, want)
			}
			var each []int
			for i := range text {
				each = append(each, i)
			}
			if got := canonicalBody(text, form, each...); got != want {
				t.Errorf("%q octet by octet, %v: %q, want %q", text, form, got, want)
			}
		}
	})
}

func abs(n int) int {
	if n < 0 {
		return -(n + 1)
	}
	return n
}

// TestRelaxedField is about fields beyond the examples of the RFC.
func TestRelaxedField(t *testing.T) {
	for raw, want := range map[string]string{
		"Subject:":                      "subject:\r\n",
		"Subject:  \t ":                 "subject:\r\n",
		"Subject: \r\n a":               "subject:a\r\n",
		"Subject:a\r\n\tb\r\n  c \t":    "subject:a b c\r\n",
		"SUBJECT\t :\ta":                "subject:a\r\n",
		"Subject: a \r\n \r\n b":        "subject:a b\r\n",
		"Subject: Größe : x":            "subject:Größe : x\r\n",
		"Subject: a\rb":                 "subject:a\rb\r\n",
		"List-Unsubscribe-Post: A=B;c ": "list-unsubscribe-post:A=B;c\r\n",
	} {
		if got := string(appendField(nil, newField([]byte(raw), strings.IndexByte(raw, ':')), Relaxed)); got != want {
			t.Errorf("%q: %q, want %q", raw, got, want)
		}
	}
}

// TestFieldOrder: of several fields of one name the last one comes first, and there is nothing once there are no
// more (RFC 6376 section 5.4.2).
func TestFieldOrder(t *testing.T) {
	fields, err := parseHeader([]byte("To: 1\r\nCc: 2\r\nTo: 3\r\nTO: 4\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	got := string(canonicalHeader(fields, []string{"to", "To", "cc", "To", "To", "Cc"}, Relaxed))
	if want := "to:4\r\nto:3\r\ncc:2\r\nto:1\r\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// FuzzSplitter: header section and body do not depend on how the message is cut into writes.
func FuzzSplitter(f *testing.F) {
	for _, text := range []string{"A: b\r\n\r\nc\r\n", "\r\nbody", "A: b\r\n", "A: b", "\r\n", "A: b\r\n\r", "A: b\r\n\r\n\r\n\r\n", "A:\r\n b\r\n\r\n\r\n"} {
		f.Add([]byte(text), 3)
	}
	f.Fuzz(func(t *testing.T, text []byte, cut int) {
		cut = abs(cut) % (len(text) + 1)
		header, rest, _ := bytes.Cut(append([]byte("\r\n"), text...), []byte("\r\n\r\n"))
		if len(header) > 2 {
			header = append(header[2:], "\r\n"...)
		} else {
			header = nil
		}
		if !bytes.Contains(append([]byte("\r\n"), text...), []byte("\r\n\r\n")) {
			header, rest = text, nil
		}
		for _, pieces := range [][][]byte{{text}, {text[:cut], text[cut:]}, bytes.SplitAfter(text, nil)} {
			var got []byte
			begun := 0
			s := splitter{begin: func() error { begun++; return nil }, body: func(p []byte) { got = append(got, p...) }}
			for _, p := range pieces {
				if n, err := s.Write(p); n != len(p) || err != nil {
					t.Fatal(n, err)
				}
			}
			if err := s.close(); err != nil || begun != 1 {
				t.Fatal(begun, err)
			}
			if !bytes.Equal(s.header, header) || !bytes.Equal(got, rest) {
				t.Errorf("%q: header %q, body %q; want %q, %q", text, s.header, got, header, rest)
			}
		}
	})
}

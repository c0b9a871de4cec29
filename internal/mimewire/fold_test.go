package mimewire

import (
	"mime"
	"strings"
	"testing"
)

// field returns the lines of a field of free text.
func field(name, text string) []string {
	var f Folder
	f.TextField(name, text)
	return strings.Split(strings.TrimSuffix(string(f.Dst), "\r\n"), "\r\n")
}

// TestFoldAt: lines are as long as 78 columns allow and not longer (RFC 5322 section 2.1.1).
func TestFoldAt(t *testing.T) {
	for n := 1; n < 80; n++ {
		word := strings.Repeat("x", n)
		lines := field("Subject", strings.Repeat("a", 30)+" "+word)
		whole := len("Subject: ") + 30 + 1 + n
		if whole <= 78 && len(lines) != 1 || whole > 78 && len(lines) != 2 {
			t.Errorf("a word of %d: %q", n, lines)
		}
		for i, line := range lines {
			if i > 0 && !strings.HasPrefix(line, " ") || strings.HasSuffix(line, " ") || len(line) > 78 && n < 78 {
				t.Errorf("line %q", line)
			}
		}
	}
}

// TestFirstWordStays: a field never begins with an empty line, whatever its first word is.
func TestFirstWordStays(t *testing.T) {
	for _, text := range []string{strings.Repeat("x", 200), strings.Repeat("ü", 200), strings.Repeat("日本語", 60)} {
		if lines := field("Subject", text); len(lines[0]) <= len("Subject: ") {
			t.Errorf("%q", lines[0])
		}
	}
}

// TestSpaces: text comes back with each of its spaces, those that folding would lose within encoded-words.
func TestSpaces(t *testing.T) {
	decoder := mime.WordDecoder{}
	for _, text := range []string{
		"a  b", " a", "a ", "  ", "a   b  c", "a b  ", strings.Repeat("a", 70) + "  " + strings.Repeat("b", 70), "a\tb", "ü  a", "a  ü",
	} {
		lines := field("Subject", text)
		got, err := decoder.DecodeHeader(strings.TrimPrefix(strings.Join(lines, ""), "Subject: "))
		if err != nil || got != text {
			t.Errorf("%q comes back as %q, %v: %q", text, got, err, lines)
		}
	}
	// The neighbours of an empty word are within the encoded-word too: white space beside one does not count for readers.
	if got := field("Subject", "a  b"); !strings.Contains(got[0], "=?utf-8?q?a__b?=") {
		t.Errorf("%q", got)
	}
}

// TestPhrase: atoms, else a quoted string, else encoded-words.
func TestPhrase(t *testing.T) {
	for name, want := range map[string]string{
		"Plain Name": "Plain Name", "J. R.": `"J. R."`, `a "b" \c`: `"a \"b\" \\c"`, "Zoë": "=?utf-8?q?Zo=C3=AB?=", "=?utf-8?q?x?=": "=?utf-8?q?=3D=3Futf-8=3Fq=3Fx=3F=3D?=", "two  spaces": `"two  spaces"`,
	} {
		var f Folder
		f.Begin("To")
		f.Phrase(name)
		if got := strings.TrimPrefix(string(f.Dst), "To: "); got != want {
			t.Errorf("%q is written as %s, want %s", name, got, want)
		}
	}
}

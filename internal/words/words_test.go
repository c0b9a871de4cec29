package words_test

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/internal/words"
	"github.com/google/go-cmp/cmp"
)

// slow is Look and FirstBare octet by octet.
func slow(p []byte, last byte) (words.Marks, int) {
	var m words.Marks
	first := len(p)
	for i, c := range p {
		before := last
		if i > 0 {
			before = p[i-1]
		}
		if before == '\r' && c != '\n' {
			first = min(first, i-1)
		}
		if before != '\r' && c == '\n' {
			first = min(first, i)
		}
		m.EightBit = m.EightBit || c >= 0x80
		m.NUL = m.NUL || c == 0
	}
	m.Bare = first < len(p)
	return m, first
}

// compare reports what Look, FirstBare and Run say that a loop over all octets does not.
func compare(t *testing.T, p []byte, last, stop byte) {
	t.Helper()
	want, bare := slow(p, last)
	if diff := cmp.Diff(want, words.Look(p, last)); diff != "" {
		t.Fatalf("%q after %q (-octet by octet +at once):\n%s", p, last, diff)
	}
	if got := words.FirstBare(p, last); got != bare {
		t.Fatalf("%q after %q: the first bare newline at %d, want %d", p, last, got, bare)
	}
	run := bytes.IndexFunc(p, func(r rune) bool { return r < ' ' || r > '~' || r == rune(stop) })
	if run < 0 {
		run = len(p)
	}
	if got, text := words.Run(p, stop), words.Run(string(p), stop); got != run || text != run {
		t.Fatalf("%q without %q: a run of %d octets, in a string %d, want %d", p, stop, got, text, run)
	}
}

// TestPlaces: one odd octet, or two, at every place of texts of every length up to more than two blocks, which begin
// anywhere in a number.
func TestPlaces(t *testing.T) {
	line := []byte(strings.Repeat("abc\r\nd=f ghij-klm\r\n\r\nnopqrs~tuvwxyz", 5)[:150])
	for size := range line {
		for start := range 8 { // the place in a number must not matter
			text := line[start:max(start, size)]
			compare(t, text, 0, '=')
		}
		for place := range size {
			for _, odd := range []string{"\r", "\n", "\x00", "\x7f", "\x80", "\x8a", "\x8d", "\xff", "\r\n", "\n\r", "\x8d\n", "\r\x8a"} {
				text := bytes.Clone(line[:size])
				copy(text[place:], odd)
				compare(t, text, 0, '-')
				compare(t, text, '\r', '=')
			}
		}
	}
}

// TestRandomTexts: texts that consist of what is looked for.
func TestRandomTexts(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	const letters = "\r\n\r\n\r\n\x00\x01\x7f\x80\x8a\x8d\xff.=-ab"
	for range 5000 {
		text := make([]byte, random.IntN(200))
		for i := range text {
			text[i] = 'a'
			if random.IntN(8) == 0 {
				text[i] = letters[random.IntN(len(letters))]
			}
		}
		compare(t, text, letters[random.IntN(len(letters))], '=')
		crlf := bytes.ReplaceAll(bytes.ReplaceAll(text, []byte("\r"), nil), []byte("\n"), []byte("\r\n"))
		compare(t, crlf, 'x', '-')
	}
}

func FuzzLook(f *testing.F) {
	f.Add([]byte("A: b\r\n\r\nthis is a text that is longer than a number of eight octets, and than a block of them\r\n\x8a"), byte('\r'), byte('='))
	f.Fuzz(func(t *testing.T, p []byte, last, stop byte) { compare(t, p, last, stop&0x7f) })
}

// BenchmarkLook looks at text, at text with an octet above 127 on each line, and at base64.
func BenchmarkLook(b *testing.B) {
	for name, line := range map[string]string{
		"text":   "The quick brown fox jumps over the lazy dog, again.\r\n",
		"UTF-8":  "Der flinke Fuchs springt über den faulen Hund, wieder.\r\n",
		"base64": strings.Repeat("TWFu", 19) + "\r\n",
	} {
		text := []byte(strings.Repeat(line, 1000))
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				words.Look(text, 0)
			}
		})
	}
}

package dotio_test

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/textproto"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/internal/dotio"
	"github.com/google/go-cmp/cmp"
)

// stuffed writes text in two pieces, closes, and returns what came out.
func stuffed(text string, cut int) (string, error) {
	var b bytes.Buffer
	w := dotio.NewWriter(&b)
	for _, piece := range []string{text[:cut], text[cut:]} {
		if _, err := io.WriteString(w, piece); err != nil {
			return b.String(), err
		}
	}
	err := w.Close()
	return b.String(), err
}

func TestWriter(t *testing.T) {
	cases := map[string]string{
		"":                       ".\r\n",
		"a":                      "a\r\n.\r\n",
		"a\r\n":                  "a\r\n.\r\n",
		".":                      "..\r\n.\r\n",
		".\r\n":                  "..\r\n.\r\n",
		"a\r\n.\r\nb\r\n":        "a\r\n..\r\nb\r\n.\r\n",
		"..\r\n...\r\n":          "...\r\n....\r\n.\r\n",
		"a.b\r\n.c\r\n\r\n.\r\n": "a.b\r\n..c\r\n\r\n..\r\n.\r\n",
	}
	for text, want := range cases {
		for cut := range len(text) + 1 {
			got, err := stuffed(text, cut)
			if diff := cmp.Diff(want, got); diff != "" || err != nil {
				t.Errorf("%q cut at %d: %v\n%s", text, cut, err, diff)
			}
		}
	}
}

func TestWriterRefusesBareNewlines(t *testing.T) {
	cases := map[string]int64{
		"\n": 0, "\r": 0, "a\nb": 1, "a\rb": 1, "\r\r\n": 0, "a\r\n\nb": 3, "a\r\n.\nb": 4, "a\r\n.\r.\r\n": 4,
		"ab\r\n\r": 4, "\n.\r\n": 0, "a\r\n\r.\r\nMAIL FROM:<x@y>\r\n": 3,
	}
	for text, want := range cases {
		for cut := range len(text) + 1 {
			got, err := stuffed(text, cut)
			var bare *dotio.NewlineError
			if !errors.As(err, &bare) || bare.Offset != want {
				t.Errorf("%q cut at %d: %v, want offset %d", text, cut, err, want)
			}
			if strings.Contains("\r\n"+got, "\r\n.\r\n") {
				t.Errorf("%q cut at %d: the text was ended: %q", text, cut, got)
			}
		}
	}
}

func TestWriterKeepsItsError(t *testing.T) {
	w := dotio.NewWriter(io.Discard)
	if _, err := io.WriteString(w, "a\nb"); err == nil {
		t.Fatal("a bare LF passed")
	}
	var bare *dotio.NewlineError
	if _, err := io.WriteString(w, "good\r\n"); !errors.As(err, &bare) {
		t.Errorf("a second Write: %v", err)
	}
	if err := w.Close(); !errors.As(err, &bare) {
		t.Errorf("Close: %v", err)
	}
}

type limited struct{ room int }

var errFull = errors.New("full")

func (l *limited) Write(p []byte) (int, error) {
	if l.room < len(p) {
		return 0, errFull
	}
	l.room -= len(p)
	return len(p), nil
}

func TestWriterPassesErrorsOn(t *testing.T) {
	const text = "a\r\n.b\r\n..c\r\nd"
	for room := range len(text) + 8 {
		w := dotio.NewWriter(&limited{room})
		_, err := io.WriteString(w, text)
		if err == nil {
			err = w.Close()
		}
		if (room < len(text)+2+len("\r\n.\r\n")) != errors.Is(err, errFull) {
			t.Errorf("room for %d: %v", room, err)
		}
	}
}

// FuzzWriter compares with the standard library's reader of dot-stuffed text.
func FuzzWriter(f *testing.F) {
	f.Add("a\r\n.\r\nb", 3)
	f.Fuzz(func(t *testing.T, text string, cut int) {
		if cut < 0 || cut > len(text) {
			return
		}
		bare := strings.ContainsAny(strings.ReplaceAll(text, "\r\n", ""), "\r\n")
		got, err := stuffed(text, cut)
		if (err != nil) != bare {
			t.Fatalf("%q: %v", text, err)
		}
		if bare {
			return
		}
		r := bufio.NewReader(strings.NewReader(got + "rest"))
		back, err := io.ReadAll(textproto.NewReader(r).DotReader())
		if err != nil {
			t.Fatal(err)
		}
		want := strings.ReplaceAll(text, "\r\n", "\n") // as the standard reader gives it
		if want != "" && !strings.HasSuffix(want, "\n") {
			want += "\n"
		}
		if rest, _ := io.ReadAll(r); string(back) != want || string(rest) != "rest" {
			t.Errorf("%q went out as %q and came back as %q, %q", text, got, back, rest)
		}
	})
}

// pieces counts the writes that reach it.
type pieces struct{ writes, longest int }

func (p *pieces) Write(b []byte) (int, error) {
	p.writes++
	p.longest = max(p.longest, len(b))
	return len(b), nil
}

// TestWriterWritesFewPieces keeps a message from becoming a row of system calls.
func TestWriterWritesFewPieces(t *testing.T) {
	line := strings.Repeat("x", 76) + "\r\n"
	cases := map[string]struct {
		text      string
		most      int
		collected bool // in a buffer whose size must not depend on the text
	}{
		"no dot":              {strings.Repeat(line, 1000), 1, false},
		"one dot":             {strings.Repeat(line, 500) + "." + strings.Repeat(line, 500), 3, false},
		"dots only":           {strings.Repeat(".\r\n", 26000), 104000/4096 + 2, true},
		"a dot on every line": {strings.Repeat("."+line, 1000), 80000/4000 + 2, true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var p pieces
			if _, err := io.WriteString(dotio.NewWriter(&p), tc.text); err != nil {
				t.Fatal(err)
			}
			if p.writes > tc.most || tc.collected && p.longest > 4096 {
				t.Errorf("%d writes of up to %d octets, want at most %d", p.writes, p.longest, tc.most)
			}
		})
	}
}

// TestWriterWritesNothingOfABadPiece holds that no server can take what stands after a bare newline
// for commands.
func TestWriterWritesNothingOfABadPiece(t *testing.T) {
	var b bytes.Buffer
	w := dotio.NewWriter(&b)
	if _, err := io.WriteString(w, "a\r\n"); err != nil {
		t.Fatal(err)
	}
	if n, err := io.WriteString(w, ".\r\nb\n.\nMAIL FROM:<x@y>\r\n"); err == nil || n != 0 || b.String() != "a\r\n" {
		t.Errorf("%d, %v: %q", n, err, b.String())
	}
}

// TestWriterDifferential compares with the standard library's reader over every way to cut a text into
// three pieces.
func TestWriterDifferential(t *testing.T) {
	for _, text := range []string{"", ".", "a\r\n.\r\n..\r\nb", ".\r\n.\r\n.", "\r\n\r\n.a\r\n", "ab\r\n.c.\r\n...", "\r\n."} {
		want := strings.ReplaceAll(text, "\r\n", "\n")
		if want != "" && !strings.HasSuffix(want, "\n") {
			want += "\n"
		}
		for first := range len(text) + 1 {
			for second := first; second <= len(text); second++ {
				var b bytes.Buffer
				w := dotio.NewWriter(&b)
				for _, piece := range []string{text[:first], text[first:second], text[second:]} {
					if _, err := io.WriteString(w, piece); err != nil {
						t.Fatal(err)
					}
				}
				if err := w.Close(); err != nil {
					t.Fatal(err)
				}
				r := bufio.NewReader(strings.NewReader(b.String() + "rest"))
				back, err := io.ReadAll(textproto.NewReader(r).DotReader())
				rest, _ := io.ReadAll(r)
				if string(back) != want || string(rest) != "rest" || err != nil {
					t.Errorf("%q cut at %d and %d went out as %q", text, first, second, b.String())
				}
			}
		}
	}
}

func BenchmarkWriter(b *testing.B) {
	line := strings.Repeat("x", 76) + "\r\n"
	for name, text := range map[string]string{"plain": strings.Repeat(line, 1000), "dots": strings.Repeat("."+line, 1000)} {
		b.Run(name, func(b *testing.B) {
			data := []byte(text)
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			w := dotio.NewWriter(io.Discard)
			for b.Loop() {
				if _, err := w.Write(data); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

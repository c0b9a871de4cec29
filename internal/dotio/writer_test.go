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

func BenchmarkWriter(b *testing.B) {
	line := append(bytes.Repeat([]byte("x"), 76), "\r\n"...)
	text := bytes.Repeat(line, 1000)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		w := dotio.NewWriter(io.Discard)
		if _, err := w.Write(text); err != nil {
			b.Fatal(err)
		}
	}
}

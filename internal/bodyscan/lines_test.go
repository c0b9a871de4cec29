package bodyscan_test

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/internal/bodyscan"
)

// TestLines: what breaks the rule of lines is refused wherever the writes are cut, and nothing of the
// write that breaks it is passed on.
func TestLines(t *testing.T) {
	for text, good := range map[string]bool{
		"":                 true,
		"a\r\nb":           true,
		"a\r\n\r\n":        true,
		"a\nb\r\n":         false,
		"a\rb\r\n":         false,
		"a\r\r\n":          false,
		"\n":               false,
		"a\r\n\n":          false,
		"a\r":              false,
		"a\x00\r\n":        false,
		"ab\r\n.\n\r\nxyz": false,
	} {
		for size := 1; size <= len(text)+1; size++ {
			var out bytes.Buffer
			message := pieces{text, size}
			_, err := bodyscan.Canonical(message).WriteTo(&out)
			if (err == nil) != good || err != nil && !errors.Is(err, bodyscan.ErrNotCanonical) {
				t.Errorf("%q in pieces of %d: %v", text, size, err)
			}
			if !strings.HasPrefix(text, out.String()) || good && out.String() != text {
				t.Errorf("%q in pieces of %d became %q", text, size, out.String())
			}
		}
	}
	var out bytes.Buffer
	if _, err := bodyscan.Canonical(binary{pieces{"\x00\n\r", 2}}).WriteTo(&out); err != nil || out.String() != "\x00\n\r" {
		t.Errorf("a binary message: %q, %v", out.String(), err)
	}
}

// pieces writes text in pieces of size bodyscan.
type pieces struct {
	text string
	size int
}

func (p pieces) WriteTo(w io.Writer) (n int64, err error) {
	for text := range slices.Chunk([]byte(p.text), p.size) {
		m, err := w.Write(text)
		n += int64(m)
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

type binary struct{ pieces }

func (binary) BodyInfo() (bodyscan.Info, bool) { return bodyscan.Info{Size: 3, Binary: true}, true }

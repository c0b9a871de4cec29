package message_test

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/internal/mimewire"
	"github.com/depeche-mail/depeche/message"
	"github.com/google/go-cmp/cmp"
)

// slowly writes one octet at a time.
type slowly struct{ to bytes.Buffer }

func (s *slowly) Write(p []byte) (int, error) {
	for _, c := range p {
		s.to.WriteByte(c)
	}
	return len(p), nil
}

// TestTextsOfAllLengths: a text arrives whole, with canonical line ends, whether Build or WriteTo makes them, and the
// message says how long it is.
func TestTextsOfAllLengths(t *testing.T) {
	for name, end := range map[string]string{"LF": "\n", "CRLF": "\r\n"} {
		for _, size := range []int{0, 1, 254, 255, 256, 257, 300, 4000, 4096, 5000, 20000, 70000} {
			text := strings.Repeat(strings.Repeat("x", 70)+end+end, size/72+1)[:size]
			text = strings.TrimSuffix(text, "\r")
			alone, err := message.New().From("a@example.org").To("b@example.net").Subject("x").Text(text).Build()
			if err != nil {
				t.Fatal(err)
			}
			beside, err := message.New().From("a@example.org").To("b@example.net").Text(text).HTML(text).Attach(message.FileBytes("a", []byte("b"))).Build()
			if err != nil {
				t.Fatal(err)
			}
			want := string(mimewire.AppendCanonical(nil, text))
			for kind, m := range map[string]*message.Message{"alone": alone, "beside others": beside} {
				var got slowly
				n, err := m.WriteTo(&got)
				if err != nil || n != m.Size() || n != int64(got.to.Len()) {
					t.Errorf("%d octets with %s, %s: %d written, %d counted, %d said, %v", size, name, kind, got.to.Len(), n, m.Size(), err)
				}
				whole, err := m.Bytes()
				if diff := cmp.Diff(got.to.String(), string(whole)); err != nil || diff != "" {
					t.Errorf("%d octets with %s, %s: %v\n%s", size, name, kind, err, diff)
				}
				if times := strings.Count(got.to.String(), "\r\n\r\n"+want); want != "" && times != map[string]int{"alone": 1, "beside others": 2}[kind] {
					t.Errorf("%d octets with %s, %s: the text stands there %d times", size, name, kind, times)
				}
			}
		}
	}
}

// TestWriteToStops: an error of the writer below ends WriteTo, which tells how much was written.
func TestWriteToStops(t *testing.T) {
	m, err := message.New().From("a@example.org").To("b@example.net").Text(strings.Repeat("a line\n", 3000)).
		Attach(message.FileBytes("a", make([]byte, 100_000))).Build()
	if err != nil {
		t.Fatal(err)
	}
	for room := int64(0); room < m.Size(); room += 997 {
		w := &atMost{left: room}
		if n, err := m.WriteTo(w); err == nil || n != room-w.left {
			t.Errorf("room for %d: %d written, %v", room, n, err)
		}
	}
}

// atMost takes so many octets.
type atMost struct{ left int64 }

func (w *atMost) Write(p []byte) (int, error) {
	if int64(len(p)) > w.left {
		n := w.left
		w.left = 0
		return int(n), io.ErrShortWrite
	}
	w.left -= int64(len(p))
	return len(p), nil
}

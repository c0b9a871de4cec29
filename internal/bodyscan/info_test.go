package bodyscan_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/internal/bodyscan"
	"github.com/google/go-cmp/cmp"
)

func TestScanner(t *testing.T) {
	cases := map[string]struct {
		in   string
		want bodyscan.Info
	}{
		"empty":                   {"", bodyscan.Info{}},
		"plain":                   {"A: b\r\n\r\nc\r\n", bodyscan.Info{Size: 11}},
		"8-bit body":              {"A: b\r\n\r\n\xc3\xa9\r\n", bodyscan.Info{Size: 12, EightBit: true}},
		"8-bit header":            {"A: \xc3\xa9\r\n\r\nc\r\n", bodyscan.Info{Size: 12, EightBit: true, EightBitHeader: true}},
		"8-bit, no header at all": {"\r\n\xc3\xa9", bodyscan.Info{Size: 4, EightBit: true}},
		"NUL":                     {"A: b\r\n\r\n\x00", bodyscan.Info{Size: 9, NUL: true}},
		"bare LF":                 {"A: b\r\n\r\nc\nd", bodyscan.Info{Size: 11, BareNewline: 10}},
		"LF first":                {"\nA", bodyscan.Info{Size: 2, BareNewline: 1}},
		"bare CR":                 {"A: b\rc\r\n", bodyscan.Info{Size: 8, BareNewline: 5}},
		"two CR":                  {"A\r\r\n", bodyscan.Info{Size: 4, BareNewline: 2}},
		"CR last":                 {"A\r\n\r", bodyscan.Info{Size: 4, BareNewline: 4}},
		"first of several":        {"a\nb\nc\rd", bodyscan.Info{Size: 7, BareNewline: 2}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			for cut := range len(tc.in) + 1 { // every border between two writes
				var s bodyscan.Scanner
				for _, part := range []string{tc.in[:cut], tc.in[cut:]} {
					if n, err := s.Write([]byte(part)); n != len(part) || err != nil {
						t.Fatal(n, err)
					}
				}
				if diff := cmp.Diff(tc.want, s.Info()); diff != "" {
					t.Errorf("cut at %d:\n%s", cut, diff)
				}
			}
		})
	}
}

// told is a message that knows its Info, or does not.
type told struct {
	io.WriterTo
	info  bodyscan.Info
	known bool
}

func (m told) BodyInfo() (bodyscan.Info, bool) { return m.info, m.known }

type failing struct{}

var errFailing = errors.New("source failed")

func (failing) WriteTo(io.Writer) (int64, error) { return 3, errFailing }

func TestInspect(t *testing.T) {
	text := strings.NewReader("a\nb")
	found := bodyscan.Info{Size: 3, BareNewline: 2}
	for name, tc := range map[string]struct {
		message io.WriterTo
		want    bodyscan.Info
		err     error
	}{
		"knows":              {told{failing{}, bodyscan.Info{Size: 7, EightBit: true}, true}, bodyscan.Info{Size: 7, EightBit: true}, nil},
		"may know, does not": {told{text, bodyscan.Info{Size: 99}, false}, found, nil},
		"cannot know":        {strings.NewReader("a\nb"), found, nil},
		"fails":              {failing{}, bodyscan.Info{}, errFailing},
	} {
		got, err := bodyscan.Inspect(tc.message)
		if diff := cmp.Diff(tc.want, got); diff != "" || !errors.Is(err, tc.err) {
			t.Errorf("%s: %v\n%s", name, err, diff)
		}
	}
}

func FuzzScanner(f *testing.F) {
	f.Add([]byte("A: b\r\n\r\nc\n"), 3)
	f.Fuzz(func(t *testing.T, p []byte, cut int) {
		if cut < 0 || cut > len(p) {
			return
		}
		var s bodyscan.Scanner
		s.Write(p[:cut])
		s.Write(p[cut:])
		bare := int64(0)
		for i, c := range p {
			if c == '\n' && (i == 0 || p[i-1] != '\r') || c == '\r' && (i+1 == len(p) || p[i+1] != '\n') {
				bare = int64(i) + 1
				break
			}
		}
		got, eightBit := s.Info(), bytes.ContainsFunc(p, func(r rune) bool { return r > 127 })
		if got.BareNewline != bare || got.Size != int64(len(p)) {
			t.Errorf("%q cut at %d: %+v, want bare newline at %d", p, cut, got, bare)
		}
		if got.EightBit != eightBit || got.NUL != bytes.Contains(p, []byte{0}) {
			t.Errorf("%q cut at %d: %+v", p, cut, got)
		}
	})
}

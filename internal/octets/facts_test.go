package octets_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/internal/octets"
	"github.com/google/go-cmp/cmp"
)

func TestScanner(t *testing.T) {
	cases := map[string]struct {
		in   string
		want octets.Facts
	}{
		"empty":                   {"", octets.Facts{BareNewline: -1}},
		"plain":                   {"A: b\r\n\r\nc\r\n", octets.Facts{Size: 11, BareNewline: -1}},
		"8-bit body":              {"A: b\r\n\r\n\xc3\xa9\r\n", octets.Facts{Size: 12, EightBit: true, BareNewline: -1}},
		"8-bit header":            {"A: \xc3\xa9\r\n\r\nc\r\n", octets.Facts{Size: 12, EightBit: true, EightBitHeader: true, BareNewline: -1}},
		"8-bit, no header at all": {"\r\n\xc3\xa9", octets.Facts{Size: 4, EightBit: true, BareNewline: -1}},
		"NUL":                     {"A: b\r\n\r\n\x00", octets.Facts{Size: 9, NUL: true, BareNewline: -1}},
		"bare LF":                 {"A: b\r\n\r\nc\nd", octets.Facts{Size: 11, BareNewline: 9}},
		"LF first":                {"\nA", octets.Facts{Size: 2, BareNewline: 0}},
		"bare CR":                 {"A: b\rc\r\n", octets.Facts{Size: 8, BareNewline: 4}},
		"two CR":                  {"A\r\r\n", octets.Facts{Size: 4, BareNewline: 1}},
		"CR last":                 {"A\r\n\r", octets.Facts{Size: 4, BareNewline: 3}},
		"first of several":        {"a\nb\nc\rd", octets.Facts{Size: 7, BareNewline: 1}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			for cut := range len(tc.in) + 1 { // every border between two writes
				var s octets.Scanner
				for _, part := range []string{tc.in[:cut], tc.in[cut:]} {
					if n, err := s.Write([]byte(part)); n != len(part) || err != nil {
						t.Fatal(n, err)
					}
				}
				if diff := cmp.Diff(tc.want, s.Facts()); diff != "" {
					t.Errorf("cut at %d:\n%s", cut, diff)
				}
			}
		})
	}
}

type silent struct{ io.WriterTo }

type knowing struct{ silent }

type surveyed struct{ failing }

func (surveyed) Facts() octets.Facts { return octets.Facts{Size: 5, BareNewline: 2} }

func (knowing) Size() int64                      { return 7 }
func (knowing) Needs8BitMIME() bool              { return true }
func (knowing) NeedsSMTPUTF8() bool              { return false }
func (m silent) Size() int64                     { return 99 } // alone it is not enough to skip the reading
func (failing) WriteTo(io.Writer) (int64, error) { return 3, errFailing }

type failing struct{}

var errFailing = errors.New("source failed")

func TestOf(t *testing.T) {
	got, err := octets.Of(knowing{})
	if diff := cmp.Diff(octets.Facts{Size: 7, EightBit: true, BareNewline: -1}, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
	got, err = octets.Of(silent{strings.NewReader("a\nb")})
	if diff := cmp.Diff(octets.Facts{Size: 3, BareNewline: 1}, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
	got, err = octets.Of(surveyed{})
	if diff := cmp.Diff(octets.Facts{Size: 5, BareNewline: 2}, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
	if _, err := octets.Of(failing{}); !errors.Is(err, errFailing) {
		t.Errorf("got %v", err)
	}
}

func FuzzScanner(f *testing.F) {
	f.Add([]byte("A: b\r\n\r\nc\n"), 3)
	f.Fuzz(func(t *testing.T, p []byte, cut int) {
		if cut < 0 || cut > len(p) {
			return
		}
		var s octets.Scanner
		s.Write(p[:cut])
		s.Write(p[cut:])
		bare := int64(-1)
		for i, c := range p {
			if c == '\n' && (i == 0 || p[i-1] != '\r') || c == '\r' && (i+1 == len(p) || p[i+1] != '\n') {
				bare = int64(i)
				break
			}
		}
		got, eightBit := s.Facts(), bytes.ContainsFunc(p, func(r rune) bool { return r > 127 })
		if got.BareNewline != bare || got.Size != int64(len(p)) {
			t.Errorf("%q cut at %d: %+v, want bare newline at %d", p, cut, got, bare)
		}
		if got.EightBit != eightBit || got.NUL != bytes.Contains(p, []byte{0}) {
			t.Errorf("%q cut at %d: %+v", p, cut, got)
		}
	})
}

package mimeread

import (
	"bytes"
	"testing"
	"unicode/utf8"
)

// FuzzAddresses checks that no list panics, and that what is read can be written and read again.
func FuzzAddresses(f *testing.F) {
	for _, seed := range []string{"a@x.example, , b@x.example", `"A, B" <@r.example:a@x.example>`, "G: a@x.example;, [x] <b@x.example", `"x`, "=?utf-8?q?a, b?= <c@x.example>", "a..b@x.example (c)"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		list := ParseAddresses(value, "")
		for _, m := range list.Mailboxes() {
			if m.Address.IsNull() || !utf8.ValidString(m.Name) {
				t.Fatalf("%q has %+v", value, m)
			}
			again := ParseAddresses(m.Address.String(), "")
			if got := again.Mailboxes(); len(again.Unreadable) > 0 || len(got) != 1 || got[0].Address != m.Address {
				t.Fatalf("%s reads as %+v", m.Address, again)
			}
		}
	})
}

// FuzzStructured checks the readers of structured values.
func FuzzStructured(f *testing.F) {
	for _, seed := range []string{"text/plain; charset=us-ascii (Plain text)", "attachment; filename*1=b; filename*0*=utf-8''%C3", "Fri, 21 Nov 1997 09:55:06 -0600 (x)", "<1234 @ local(blah) .example> x", "=?utf-8?b?YQ?= =?x?q?b?=", "From a@x Thu Nov 28 18:47:15 2026"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		for name, param := range ParseHeader(value, "").Params {
			if name != "boundary" && !utf8.ValidString(param) {
				t.Fatalf("%q: %s is %q", value, name, param)
			}
		}
		if !utf8.ValidString(Text(value, "")) {
			t.Fatalf("%q is not text", value)
		}
		for _, id := range MessageIDs(value, true) {
			if again := MessageIDs(id, false); len(again) != 1 || again[0] != id {
				t.Fatalf("%q reads as %q", id, again)
			}
		}
		_, _ = ParseDate(value), IsMboxSeparator(value)
		_, _ = ParseEncoding(value)
	})
}

// FuzzSection checks that fields and what was skipped do not overlap, in the order of the octets.
func FuzzSection(f *testing.F) {
	for _, seed := range []string{"From: a\nodd\n x\nTo: b,\nc@x\n\nbody", "\xef\xbb\xbf\n>From x\nA: b", "A: b\rC: d\r\n e"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, octets []byte) {
		s := ReadSection(octets)
		var spans []Span
		fields, skipped := s.Fields, s.Skipped
		for len(fields)+len(skipped) > 0 {
			if len(skipped) == 0 || len(fields) > 0 && fields[0].Start < skipped[0].Start {
				spans = append(spans, Span{fields[0].Start, fields[0].End})
				fields = fields[1:]
			} else {
				spans = append(spans, skipped[0])
				skipped = skipped[1:]
			}
		}
		at := 0
		for _, span := range spans {
			if span.Start < at || span.End < span.Start || span.End > s.Body {
				t.Fatalf("%q: %v in %v, body %d", octets, span, spans, s.Body)
			}
			at = span.End
		}
		tree, err := ReadTree(bytes.NewReader(octets), int64(len(octets)), s, int64(s.Body), Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tree.ReadContent(bytes.NewReader(octets), Limits{}); err != nil {
			t.Fatal(err)
		}
	})
}

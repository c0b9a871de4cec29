package mailtest_test

import (
	"bytes"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/depeche-mail/depeche/mailtest"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func lines(text ...string) string { return strings.Join(text, "\r\n") + "\r\n" }

func TestParse(t *testing.T) {
	cases := map[string]struct {
		message string
		want    mailtest.View // without Header, which TestParseHeader is for; faults only begin like that
	}{
		"empty":           {"", mailtest.View{}},
		"no body":         {lines("Subject: x"), mailtest.View{}},
		"text by default": {lines("", "a", "b"), mailtest.View{Text: "a\nb\n"}},
		"a lone body":     {"\nunix\n", mailtest.View{Text: "unix\n"}},
		"quoted-printable, latin": {
			lines("Content-Type: text/html; charset=ISO-8859-1", "Content-Transfer-Encoding: Quoted-Printable", "", "caf=E9=", "!"),
			mailtest.View{HTML: "café!\n"},
		},
		"base64": {
			lines("Content-Type: TEXT/PLAIN; charset=\"UTF-8\"", "Content-Transfer-Encoding: base64", "", "w7w", " K"),
			mailtest.View{Text: "ü\n"},
		},
		"bytes that are no text": {lines("", "a\xff\xfeb"), mailtest.View{Text: "a\u00ff\u00feb\n", Faults: []string{"body: octets above 127"}}},
		"related in alternative in mixed": {
			lines("Content-Type: multipart/mixed; boundary=m", "", "preamble", "--m",
				"Content-Type: multipart/alternative; boundary=\"a b\"", "", "--a b", "", "plain", "--a b  ",
				"Content-Type: multipart/related; boundary=mm", "", "--mm", "Content-Type: text/html", "", "<p>", "--mm",
				"Content-Type: image/png; name=logo.png", "Content-ID: <logo>", "Content-Disposition: inline", "", "png",
				"--mm--", "--a b--", "", "--m", "Content-Disposition: attachment; filename*=utf-8''%C3%A9.pdf", "Content-Type: Application/PDF", "", "pdf",
				"--m", "Content-Type: text/plain; charset=iso-8859-1; name=\"=?utf-8?q?=C3=A9.txt?=\"", "", "\xe9",
				"--m", "Content-Type: text/plain", "", "second", "--m--", "epilogue"),
			mailtest.View{
				Text: "plain\nsecond", HTML: "<p>",
				Inline: []mailtest.Part{{Name: "logo.png", Type: "image/png", ContentID: "logo", Data: []byte("png")}},
				Attachments: []mailtest.Part{
					{Name: "é.pdf", Type: "application/pdf", Data: []byte("pdf")},
					{Name: "é.txt", Type: "text/plain", Data: []byte("\xe9")},
				},
			},
		},
		"a mail in a mail is a file": {
			lines("Content-Type: multipart/digest; boundary=d", "", "--d", "Content-Type: message/rfc822", "", "Subject: inner", "", "x", "--d--"),
			mailtest.View{Attachments: []mailtest.Part{{Type: "message/rfc822", Data: []byte("Subject: inner\r\n\r\nx")}}},
		},
		"an attached text is no text": {
			lines("Content-Disposition: attachment", "", "x"),
			mailtest.View{Attachments: []mailtest.Part{{Type: "text/plain", Data: []byte("x\r\n")}}},
		},
		"without its end": {
			lines("Content-Type: multipart/mixed; boundary=m", "", "--m", "", "cut"),
			mailtest.View{Text: "cut\n", Faults: []string{"body: a multipart without its last delimiter"}},
		},
		"an unknown charset": {
			lines("Content-Type: text/plain; charset=klingon", "", "x"),
			mailtest.View{Text: "x\n", Faults: []string{"body: unknown charset"}},
		},
		"an unknown encoding": {
			lines("Content-Transfer-Encoding: x-rot13", "", "x"),
			mailtest.View{Attachments: []mailtest.Part{{Type: "application/octet-stream", Data: []byte("x\r\n")}}, Faults: []string{"body: unknown transfer encoding"}},
		},
		"broken base64": {
			lines("Content-Transfer-Encoding: base64", "", "YWJj", "!!!!"),
			mailtest.View{Text: "abc", Faults: []string{"body: octets that are not base64"}},
		},
		"a broken content type": {
			lines("Content-Type: /;;=", "", "x"),
			mailtest.View{Text: "x\n", Faults: []string{"body: the content type", "body: a parameter"}},
		},
		"a multipart without a boundary": {
			lines("Content-Type: multipart/mixed", "", "x"),
			mailtest.View{
				Attachments: []mailtest.Part{{Type: "application/octet-stream", Data: []byte("x\r\n")}},
				Faults:      []string{"body: a multipart with a boundary of 0 octets", "body: a multipart without parts"},
			},
		},
		"a header that stops being one": {
			lines("Subject: x", "no field", "To: y", "", "body"),
			mailtest.View{Text: "body\n", Faults: []string{"header: a line that is not a field"}},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := mailtest.Parse([]byte(tc.message))
			for i := range min(len(got.Faults), len(tc.want.Faults)) {
				if strings.HasPrefix(got.Faults[i], tc.want.Faults[i]) {
					got.Faults[i] = tc.want.Faults[i] // how they go on is for others to say
				}
			}
			if diff := cmp.Diff(&tc.want, got, cmpopts.IgnoreFields(mailtest.View{}, "Header"), cmpopts.EquateEmpty()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestParseHeader(t *testing.T) {
	view := mailtest.Parse([]byte(lines("subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=", " =?utf-8?b?IQ==?=", "X-a: 1", "To: a,", "\tb", "x-A: 2",
		"Bad: =?klingon?q?x?=", "Byte: \xff", "", "Not: this")))
	want := []mailtest.Field{
		{"Subject", "Grüße!"},
		{"X-A", "1"},
		{"To", "a,\tb"},
		{"X-A", "2"},
		{"Bad", "=?klingon?q?x?="},
		{"Byte", "\u00ff"},
	}
	if diff := cmp.Diff(want, view.Header); diff != "" {
		t.Error(diff)
	}
	if view.Subject() != "Grüße!" || view.Get("x-a") != "1" || view.Get("Not") != "" || len(view.Faults) != 1 {
		t.Errorf("%q, %q, faults %q", view.Subject(), view.Get("x-a"), view.Faults)
	}
}

// TestHostile parses what is made to cost much: each needs no more memory at its end than a few times its
// size, says what is wrong, and loses nothing that came before.
func TestHostile(t *testing.T) {
	const size = 8 << 20
	fill := func(piece string) string { return strings.Repeat(piece, size/len(piece)) }
	nested := func(depth int) string {
		var b strings.Builder
		for i := range depth {
			fmt.Fprintf(&b, "Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", i, i)
		}
		return b.String()
	}
	cases := map[string]struct{ message, fault string }{
		"fields without end":         {"Subject: x\r\n" + fill("a:\r\n"), "a header section of "},
		"fields in a part":           {lines("Subject: x", "Content-Type: multipart/mixed; boundary=m", "", "--m") + fill("a:\r\n"), "a part with a header section longer"},
		"one field without end":      {"Subject: x\r\nX: " + fill("=?utf-8?q?a?= "), "a header section of "},
		"continuation without end":   {"Subject: x\r\nX: a" + fill("\r\n b"), "a header section of "},
		"parameters without end":     {"Subject: x\r\nContent-Type: text/plain" + fill("; a*1=b"), "a header section of "},
		"parts without end":          {lines("Subject: x", "Content-Type: multipart/mixed; boundary=m", "") + fill("--m\r\n"), "more than 1000 parts"},
		"parts with a header each":   {lines("Subject: x", "Content-Type: multipart/mixed; boundary=m", "") + fill("--m\r\na: b\r\n\r\n\r\n"), "more than 1000 parts"},
		"multiparts in each other":   {"Subject: x\r\n" + nested(100_000), "multiparts nested deeper than 100"},
		"the same boundary for all":  {"Subject: x\r\n" + fill("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"), "multiparts nested deeper than 100"},
		"a boundary without end":     {"Subject: x\r\nContent-Type: multipart/mixed; boundary=" + strings.Repeat("b", 5000) + "\r\n\r\n", "boundary of 5000 octets"},
		"faults without end":         {lines("Subject: x", "Content-Type: multipart/mixed; boundary=m", "") + fill("--m\r\nContent-Type: ;\r\n\r\n"), "more than 1000 parts"},
		"nearly boundaries":          {lines("Subject: x", "Content-Type: multipart/mixed; boundary=m", "") + fill("--m+\r\n"), "a multipart without parts"},
		"text in a charset of bombs": {lines("Subject: x", "Content-Type: text/plain; charset=iso-2022-jp", "") + fill("\x1b$B"), ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			message := []byte(tc.message)
			runtime.GC()
			runtime.ReadMemStats(&before)
			view := mailtest.Parse(message)
			runtime.GC()
			runtime.ReadMemStats(&after)
			if held := int64(after.HeapAlloc) - int64(before.HeapAlloc); held > 4*size {
				t.Errorf("%d octets are held for a mail of %d", held, len(message))
			}
			if view.Subject() != "x" || len(view.Faults) > 20 || !strings.Contains(strings.Join(view.Faults, "\n"), tc.fault) {
				t.Errorf("subject %q, faults %.500q", view.Subject(), view.Faults)
			}
			runtime.KeepAlive(message)
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(lines("Content-Type: multipart/mixed; boundary=m", "", "--m", "", "x", "--m--")))
	f.Add([]byte(lines("Content-Type: text/html; charset=utf-7", "Content-Transfer-Encoding: quoted-printable", "", "=3D=", "=")))
	f.Add([]byte(lines("Content-Disposition: inline; filename*0*=a'b'%41; filename*1=c", "Content-ID: <<>", "", "")))
	f.Add([]byte(" x: y\n\n"))
	f.Fuzz(func(t *testing.T, message []byte) {
		before := bytes.Clone(message)
		view := mailtest.Parse(message)
		if !bytes.Equal(before, message) {
			t.Fatal("the message was changed")
		}
		if diff := mailtest.Diff(view, mailtest.Parse(message)); diff != "" {
			t.Error("parsed twice: " + diff)
		}
		texts := []string{view.Text, view.HTML}
		for _, f := range view.Header {
			texts = append(texts, f.Name, f.Value)
		}
		for _, p := range append(view.Inline, view.Attachments...) {
			texts = append(texts, p.Name)
		}
		for _, text := range texts {
			if !utf8.ValidString(text) {
				t.Errorf("%q is no text", text)
			}
		}
	})
}

package message_test

import (
	"bytes"
	"errors"
	"flag"
	"io"
	"io/fs"
	"mime"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/message"
	gomessage "github.com/emersion/go-message"
	"github.com/emersion/go-message/mail"
	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// fixed makes a message reproducible.
func fixed(b message.Builder) message.Builder {
	return b.Date(time.Date(2026, time.March, 1, 12, 30, 0, 0, time.FixedZone("", 3600))).
		Random(&counting{})
}

// counting is a source of randomness that never repeats a token.
type counting struct{ n int }

func (c *counting) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(c.n + i)
	}
	c.n++
	return len(p), nil
}

func build(t *testing.T, b message.Builder) *message.Message {
	t.Helper()
	m, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func octets(t *testing.T, m *message.Message) []byte {
	t.Helper()
	b, err := m.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

var files = fstest.MapFS{
	"docs/plan.pdf": {Data: append([]byte("%PDF-1.4\n"), bytes.Repeat([]byte{0, 1, 2, 0xff}, 50)...)},
	"logo.png":      {Data: []byte("\x89PNG\r\n\x1a\n0000")},
	"unknown":       {Data: []byte("<!DOCTYPE html><p>typed by its content")},
}

func TestGolden(t *testing.T) {
	cases := map[string]message.Builder{
		"text": message.New().From("a@example.org").To("b@example.org").Subject("Plain").Text("Hello\nworld"),
		"full": message.New().
			From("Zoë <zoe@example.org>").ReplyTo(`"Desk, Help" <help@example.org>`).
			To("Hei 黑 <hei@example.org>", "b@bücher.example").Cc("c@example.org").Bcc("secret@example.org").
			Subject("Grüße an alle, und zwar an wirklich alle, die das hier lesen können").
			Header("X-Campaign", "one").Header("X-Campaign", "zwei für zwei").
			Text("Grüße!\n").HTML(`<p>Grüße! <img src="cid:logo"></p>`).
			Inline("logo", message.File(files, "logo.png")).
			Attach(message.File(files, "docs/plan.pdf").WithName("Plan für März.pdf"), message.File(files, "unknown")),
		"bcc-only": message.New().From("a@example.org").Bcc("b@example.org").Text(""),
	}
	for name, b := range cases {
		t.Run(name, func(t *testing.T) {
			m := build(t, fixed(b))
			got := octets(t, m)
			golden := filepath.Join("testdata", name+".eml")
			if *update {
				if err := os.WriteFile(golden, got, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if again := octets(t, m); !bytes.Equal(got, again) {
				t.Error("the second rendering differs")
			}
			if m.Size() != int64(len(got)) {
				t.Errorf("Size %d, wrote %d", m.Size(), len(got))
			}
			checkLines(t, got)
		})
	}
}

// checkLines holds what every message promises of its lines.
func checkLines(t *testing.T, octets []byte) {
	t.Helper()
	text := string(octets)
	if !strings.HasSuffix(text, "\r\n") {
		t.Error("no line end at the end")
	}
	for line := range strings.SplitSeq(strings.TrimSuffix(text, "\r\n"), "\r\n") {
		if len(line) > 998 || strings.ContainsAny(line, "\r\n\x00") || strings.ContainsFunc(line, func(r rune) bool { return r > 127 }) {
			t.Errorf("bad line %q", line)
		}
	}
}

// TestReadBack lets an independent reader take the message apart.
func TestReadBack(t *testing.T) {
	subject := "Grüße an alle, und zwar an wirklich alle, die das hier lesen können"
	m := build(t, message.New().From("Zoë <zoe@example.org>").ToMailbox(message.Mailbox{Name: `quote " and \ and, comma`, Address: address(t, "b@example.org")}).
		Subject(subject).Text("Grüße!\r\nEnde").HTML("<p>x</p>").
		UncheckedInline().Inline("logo@x", message.File(files, "logo.png")).
		Attach(message.File(files, "docs/plan.pdf").WithName("Plan für März.pdf")))
	entity, err := gomessage.Read(bytes.NewReader(octets(t, m)))
	if err != nil {
		t.Fatal(err)
	}
	header := mail.Header{Header: entity.Header}
	if got, err := header.Subject(); got != subject || err != nil {
		t.Errorf("subject %q, %v", got, err)
	}
	to, err := header.AddressList("To")
	if err != nil || len(to) != 1 || to[0].Name != `quote " and \ and, comma` || to[0].Address != "b@example.org" {
		t.Errorf("To %v, %v", to, err)
	}
	type leaf struct{ Path, Type, Disposition, Name, ID, Body string }
	var got []leaf
	err = entity.Walk(func(path []int, e *gomessage.Entity, err error) error {
		if err != nil {
			return err
		}
		media, _, err := e.Header.ContentType()
		if err != nil || strings.HasPrefix(media, "multipart/") {
			return err
		}
		body, err := io.ReadAll(e.Body)
		l := leaf{Path: strings.Trim(strings.Join(strings.Fields(strings.Trim(cmpPath(path), "[]")), "."), "."), Type: media, Body: string(body), ID: e.Header.Get("Content-Id")}
		if d := e.Header.Get("Content-Disposition"); d != "" {
			kind, params, err := mime.ParseMediaType(d)
			if err != nil {
				return err
			}
			l.Disposition, l.Name = kind, params["filename"]
		}
		got = append(got, l)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []leaf{
		{Path: "0.0", Type: "text/plain", Body: "Grüße!\r\nEnde\r\n"},
		{Path: "0.1.0", Type: "text/html", Body: "<p>x</p>\r\n"},
		{Path: "0.1.1", Type: "image/png", Disposition: "inline", Name: "logo.png", ID: "<logo@x>", Body: string(files["logo.png"].Data)},
		{Path: "1", Type: "application/pdf", Disposition: "attachment", Name: "Plan für März.pdf", Body: string(files["docs/plan.pdf"].Data)},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func cmpPath(path []int) string {
	var b strings.Builder
	for _, p := range path {
		b.WriteString(" ")
		b.WriteByte(byte('0' + p))
	}
	return b.String()
}

func TestEnvelope(t *testing.T) {
	base := message.New().From("a@example.org").To("b@example.org", "c@example.org").Cc("b@example.org", "d@example.org").Bcc("e@example.org")
	cases := map[string]struct {
		b    message.Builder
		from string
		to   string
	}{
		"From, To, Cc, Bcc once each": {base.Clone(), "a@example.org", "b@example.org c@example.org d@example.org e@example.org"},
		"Sender wins":                 {base.Clone().From("z@example.org").Sender("s@example.org"), "s@example.org", "b@example.org c@example.org d@example.org e@example.org"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			env := build(t, tc.b).Envelope()
			var to []string
			for _, r := range env.Recipients() {
				to = append(to, r.Address.String())
			}
			if env.From().String() != tc.from || strings.Join(to, " ") != tc.to {
				t.Errorf("from %v to %v", env.From(), to)
			}
		})
	}
	explicit, err := envelope.New(envelope.Address{}, address(t, "only@example.org"))
	if err != nil {
		t.Fatal(err)
	}
	if got := build(t, base.Envelope(explicit)).Envelope(); !got.From().IsNull() || got.Len() != 1 {
		t.Errorf("the explicit envelope lost against %v", got)
	}
}

func TestBuildRefuses(t *testing.T) {
	good := message.New().From("a@example.org").To("b@example.org").Text("x")
	cases := map[string]struct {
		b      message.Builder
		fields []string
	}{
		"nothing":                {message.New(), []string{"From"}},
		"two authors, no sender": {good.Clone().From("c@example.org"), []string{"Sender"}},
		"two senders":            {good.Clone().Sender("c@example.org").Sender("d@example.org"), []string{"Sender"}},
		"bad addresses":          {good.Clone().To("ok@example.org", "no", "a@b, c@d").Cc("<>"), []string{"To", "To", "Cc"}},
		"bad name":               {good.Clone().ToMailbox(message.Mailbox{Name: "a\r\nBcc: x@y", Address: address(t, "b@example.org")}), []string{"To"}},
		"no address":             {good.Clone().ToMailbox(message.Mailbox{Name: "nobody"}), []string{"To"}},
		"CR in subject":          {good.Clone().Subject("a\rb"), []string{"Subject"}},
		"LF in header":           {good.Clone().Header("X-A", "a\nb"), []string{"Header"}},
		"LF in header name":      {good.Clone().Header("X-A\r\nX-B", "a"), []string{"Header"}},
		"own header":             {good.Clone().Header("bcc", "x@example.org"), []string{"Header"}},
		"invalid UTF-8":          {good.Clone().Subject("\xff").Text("\xff"), []string{"Subject", "Text"}},
		"missing file":           {good.Clone().Attach(message.File(files, "docs/none.pdf")), []string{"Attach"}},
		"a folder":               {good.Clone().Attach(message.File(files, "docs")), []string{"Attach"}},
		"bad content type":       {good.Clone().Attach(message.FileBytes("x", nil).WithType("a/b\r\nX: y")), []string{"Attach"}},
		"LF in file name":        {good.Clone().Attach(message.FileBytes("a\nb.txt", nil)), []string{"Attach"}},
		"inline without HTML":    {good.Clone().Inline("x", message.FileBytes("x.png", nil)), []string{"Inline"}},
		"bad Content-ID":         {good.Clone().HTML("x").Inline("a> b", message.FileBytes("x.png", nil)), []string{"Inline"}},
		"one Content-ID twice":   {good.Clone().HTML("<img src=cid:a>").Inline("a", message.FileBytes("x.png", nil)).Inline("a", message.FileBytes("y.png", nil)), []string{"Inline"}},
		"bad Message-ID":         {good.Clone().MessageID("<a b@c>"), []string{"MessageID"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			m, err := tc.b.Build()
			if err == nil {
				t.Fatalf("built %q", octets(t, m))
			}
			var got []string
			for _, e := range flatten(err) {
				var field *message.FieldError
				if !errors.As(e, &field) {
					t.Errorf("%v is not a FieldError", e)
					continue
				}
				got = append(got, field.Field)
			}
			if diff := cmp.Diff(tc.fields, got); diff != "" {
				t.Errorf("%v:\n%s", err, diff)
			}
		})
	}
}

func flatten(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	return []error{err}
}

func TestForgottenStepIsAnError(t *testing.T) {
	b := message.New().From("a@example.org").Text("x")
	b.To("lost@example.org")
	if _, err := b.To("b@example.org").Build(); !errors.Is(err, message.ErrStale) {
		t.Errorf("got %v, want ErrStale", err)
	}
}

func TestFileChangedAfterBuild(t *testing.T) {
	dir := fstest.MapFS{"a.bin": {Data: bytes.Repeat([]byte("12345"), 10_000), Mode: 0o444}}
	m := build(t, message.New().From("a@example.org").To("b@example.org").Attach(message.File(dir, "a.bin")))
	dir["a.bin"] = &fstest.MapFile{Data: bytes.Repeat([]byte("1234"), 10_000)}
	if _, err := m.Bytes(); err == nil {
		t.Error("a file that shrank was written as if whole")
	}
	delete(dir, "a.bin")
	if _, err := m.Bytes(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want fs.ErrNotExist", err)
	}
}

func address(t *testing.T, s string) envelope.Address {
	t.Helper()
	a, err := envelope.ParseAddress(s)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func eightBit(m *message.Message) bool {
	info, _ := m.BodyInfo()
	return info.EightBit
}

func eightBitHeader(m *message.Message) bool {
	info, _ := m.BodyInfo()
	return info.EightBitHeader
}

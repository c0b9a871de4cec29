package message_test

import (
	"bytes"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/message"
	gomessage "github.com/emersion/go-message"
	"github.com/google/go-cmp/cmp"
)

// TestArgumentsAreCopied: what a caller does to a slice after a step changes nothing.
func TestArgumentsAreCopied(t *testing.T) {
	keywords := []string{"news"}
	b := good().Keywords(keywords...)
	keywords[0] = "x\r\nX-Evil: 1"
	if got := extra(t, b); got != "Keywords: news" {
		t.Error(got)
	}
}

func TestPartsInUTF8AreNoticed(t *testing.T) {
	for name, b := range map[string]message.Builder{
		"attached": good().Internationalized().Attach(message.FileBytes("a", nil).Description("ü")),
		"body":     fixed(message.New()).From("a@example.org").To("b@example.org").Internationalized().Body(message.Plain("x").Description("ü")),
	} {
		if m := build(t, b); !eightBit(m) || !eightBitHeader(m) {
			t.Errorf("%s: 8BITMIME %v, SMTPUTF8 %v", name, eightBit(m), eightBitHeader(m))
		}
	}
	signed := message.Signed("x/y", "z", message.Plain("x"), func(io.WriterTo) (message.Part, error) {
		return message.FileBytes("s", []byte("ü\r\n")).Encoding(message.EightBit), nil
	})
	if _, err := fixed(message.New()).From("a@example.org").To("b@example.org").Body(signed).Build(); !errors.As(err, new(*message.FieldError)) {
		t.Errorf("8-bit signature: %v", err)
	}
}

func TestOddLocalPartsAreRefused(t *testing.T) {
	for _, in := range []string{"a..b@example.org", ".c@example.org", "c.@example.org", "X <a..b@example.org>"} {
		if _, err := message.ParseMailbox(in); err == nil {
			t.Errorf("%q was taken", in)
		}
	}
}

func TestContentIsNeverCutOrGrown(t *testing.T) {
	m := build(t, good().Attach(message.FileReader("a", strings.NewReader("12345"), math.MaxInt64)))
	if !bytes.Contains(octets(t, m), []byte("MTIzNDU=")) {
		t.Error("a reader without limit is empty")
	}
	if _, err := good().Attach(message.AttachedMessage(bytes.NewBufferString("Subject: ü\r\n\r\nhello"))).Build(); err == nil {
		t.Error("a message that can be read once only was embedded")
	}
	calls := 0
	grows := message.FileFunc("a", func() (io.ReadCloser, error) {
		calls++
		return io.NopCloser(strings.NewReader(strings.Repeat("x", calls))), nil
	})
	if _, err := good().Attach(grows).Build(); err == nil {
		t.Error("a source that grows was taken")
	}
	single := build(t, fixed(message.New()).From("a@example.org").To("b@example.org").
		Body(message.FileBytes("f", []byte("abc")).WithType("a/b").Encoding(message.QuotedPrintable)))
	if text := string(octets(t, single)); !strings.HasSuffix(text, "\r\n\r\nabc=\r\n") {
		t.Errorf("%q", text)
	}
}

func TestParameters(t *testing.T) {
	file := message.FileBytes("a.txt", []byte("x"))
	for name, tc := range map[string]struct {
		part message.Part
		want string // "" for a refusal
	}{
		"one charset":         {file.Param("Charset", "iso-8859-1"), "text/plain; charset=iso-8859-1"},
		"one charset of text": {message.Plain("x").Param("Charset", "utf-8"), "text/plain; charset=utf-8"},
		"one type":            {message.Related(message.HTML("x"), file).Param("type", "text/x"), `multipart/related; type="text/x"; boundary=`},
		"one format":          {message.Plain("x").Param("format", "fixed").Flowed(), "text/plain; charset=us-ascii; format=flowed"},
		"boundary in type":    {message.Multipart("mixed; boundary=evil", file), ""},
		"Boundary":            {message.Multipart("x", file).Param("Boundary", "evil"), ""},
		"boundary*0":          {message.Multipart("x", file).Param("boundary*0", "evil"), ""},
		"long name":           {file.WithType("text/plain; " + strings.Repeat("x", 2000) + "=y"), ""},
		"wrong charset":       {message.TextPart("text/plain; charset=iso-8859-1", "Grüße"), ""},
		"encoded message":     {file.WithType("message/rfc822"), ""},
		"text of parts":       {message.Mixed(file, file).WithType("text/plain"), ""},
		"method in type":      {message.TextPart("text/calendar; method=REQUEST", "BEGIN:VCALENDAR\nMETHOD:REQUEST\nEND:VCALENDAR\n"), "text/calendar; charset=us-ascii; method=REQUEST"},
	} {
		m, err := fixed(message.New()).From("a@example.org").To("b@example.org").Body(tc.part).Build()
		if tc.want == "" {
			if !errors.As(err, new(*message.FieldError)) {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := strings.Join(strings.Fields(body(t, m)), " "); !strings.HasPrefix(got, "Content-Type: "+tc.want) {
			t.Errorf("%s: %.120s", name, got)
		}
	}
	encoded, err := message.Plain("Grüße").Preencoded()
	if err != nil {
		t.Fatal(err)
	}
	m := build(t, fixed(message.New()).From("a@example.org").To("b@example.org").Body(encoded.WithType("text/markdown").Param("x", "y")))
	if got := body(t, m); !strings.HasPrefix(got, "Content-Type: text/markdown; charset=utf-8; x=y\n") {
		t.Errorf("%.100s", got)
	}
}

func TestZones(t *testing.T) {
	for _, hours := range []int{24, -24, 2180} {
		if _, err := good().Date(good0.In(time.FixedZone("", hours*3600))).Build(); err == nil {
			t.Errorf("a zone of %d hours was taken", hours)
		}
	}
	odd := good0.In(time.FixedZone("", 1172))
	if text := string(octets(t, build(t, good().Date(odd)))); !strings.Contains(text, "Date: Sun, 1 Mar 2026 00:00:00 +0000\r\n") {
		t.Errorf("%.200s", text)
	}
}

func TestValuesAreNotRewritten(t *testing.T) {
	for name, b := range map[string]message.Builder{
		"raw":        good().RawHeader("X-A", `a="b  c"`),
		"structured": good().Header("List-Post", "<mailto:a@b.c>  x"),
		"addresses":  good().Header("Resent-To", "zoë@example.org"),
		"thread":     good().Header("References", "<a@b.c>"),
	} {
		if _, err := b.Build(); !errors.As(err, new(*message.FieldError)) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := extra(t, good().List(message.ListHeaders{Name: "My,  List", ID: "l.example.org"})); got != `List-Id: "My,  List" <l.example.org>` {
		t.Error(got)
	}
	if got := extra(t, good().Importance("low").List(message.ListHeaders{Post: []string{"mailto:a@b.c"}}).Importance("high").List(message.ListHeaders{NoPost: true})); got != "Importance: high\nList-Post: NO" {
		t.Error(got)
	}
	for line := range strings.SplitSeq(extra(t, good().Keywords(strings.Fields(strings.Repeat("keyword ", 40))...)), "\n") {
		if len(line) > 78 {
			t.Errorf("%d columns: %s", len(line), line)
		}
	}
}

// TestHostileLengths ends at once, where any quadratic part would take minutes.
func TestHostileLengths(t *testing.T) {
	_ = build(t, good().TextPart(message.Plain(strings.Repeat("word ", 400_000)).Flowed()))
	_ = build(t, good().Attach(message.FileBytes(strings.Repeat("ü", 200_000), nil).LegacyName()))
}

// TestCloneOutlivesBuild builds a message whose clone is built later: memory that the next messages use
// again must not be the clone's.
func TestCloneOutlivesBuild(t *testing.T) {
	base := fixed(message.New().From("a@example.org").To("b@example.net").Cc("c@example.net", "d@example.net").
		Bcc("e@example.net").Text("text").HTML("<p>html</p>"))
	clones := []message.Builder{base.Clone(), base.Clone().Subject("forked"), base.Clone().Clone()}
	want := build(t, base.Clone())
	build(t, base)
	for range 10 {
		build(t, message.New().From("x@example.org").To("y@example.net").Cc("z@example.net").Text("other"))
	}
	for i, clone := range clones {
		got := build(t, clone)
		if diff := cmp.Diff(want.Envelope().String(), got.Envelope().String()); diff != "" {
			t.Errorf("clone %d: %s", i, diff)
		}
		for _, part := range []string{"From: a@example.org\r\n", "Cc: c@example.net, d@example.net\r\n", "\r\ntext\r\n", "<p>html</p>"} {
			if !bytes.Contains(octets(t, got), []byte(part)) {
				t.Errorf("clone %d has no %q", i, part)
			}
		}
	}
}

// TestOddOctetAnywhere puts each octet at each place of a line, before which others are looked at in
// groups, and of a line that has to be encoded anyway.
func TestOddOctetAnywhere(t *testing.T) {
	odd := []string{"é"}
	for c := range 0x80 {
		if c != '\r' && c != '\n' {
			odd = append(odd, string(rune(c)))
		}
	}
	for _, c := range odd {
		for at := range 18 {
			line := strings.Repeat("a", at) + c + strings.Repeat("b", 18-at)
			for _, tail := range []string{"", "é"} {
				want := "quoted-printable"
				if tail == "" && (c >= " " && c <= "~" || c == "\t") {
					want = "7bit"
				}
				m := build(t, fixed(message.New().From("a@example.org").To("b@example.net").Text("first\r\n"+line+tail+"\nlast")))
				read, err := gomessage.Read(bytes.NewReader(octets(t, m)))
				if err != nil {
					t.Fatal(err)
				}
				body, err := io.ReadAll(read.Body)
				if err != nil || string(body) != "first\r\n"+line+tail+"\r\nlast\r\n" {
					t.Errorf("%q: %q, %v", line+tail, body, err)
				}
				if got := read.Header.Get("Content-Transfer-Encoding"); got != want {
					t.Errorf("%q travels in %s, not %s", line+tail, got, want)
				}
			}
		}
	}
}

// TestLineEnds holds what ends a line of a text.
func TestLineEnds(t *testing.T) {
	for text, want := range map[string]string{
		"":             "",
		"a":            "a\r\n",
		"\n":           "\r\n",
		"\r":           "\r\n",
		"\r\n":         "\r\n",
		"a\rb":         "a\r\nb\r\n",
		"a\r\r\nb":     "a\r\n\r\nb\r\n",
		"a\n\rb\r":     "a\r\n\r\nb\r\n",
		"\r\r\n\n\r\n": "\r\n\r\n\r\n\r\n",
	} {
		_, body, _ := bytes.Cut(octets(t, build(t, fixed(message.New().From("a@example.org").To("b@example.net").Text(text)))), []byte("\r\n\r\n"))
		if string(body) != want {
			t.Errorf("%q became %q, not %q", text, body, want)
		}
	}
}

// lazy is a parent that is made when it is asked for.
type lazy struct{ message.Builder }

func (l lazy) MessageID() string {
	m, err := l.Build()
	if err != nil {
		return ""
	}
	return m.MessageID()
}

func (lazy) References() []string { return nil }

// TestParentThatBuilds has parents that use builders while they are asked: one that was spent by a message that
// had the memory before, and the builder of the answer itself.
func TestParentThatBuilds(t *testing.T) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 100 {
			a := message.New().From("a@example.org").To("b@example.org").Text("x")
			if _, err := a.Build(); err != nil {
				t.Error(err)
			}
			answer := message.New().From("a@example.org").To("b@example.org").Text("x")
			if m, err := answer.InReplyTo(lazy{a}).Build(); err != nil || len(m.References()) > 0 {
				t.Errorf("%v, %v", m, err)
			}
			own := message.New().From("a@example.org").To("b@example.org").Text("x")
			if _, err := own.InReplyTo(lazy{own}).Build(); !errors.Is(err, message.ErrStale) {
				t.Errorf("the builder that was used for the parent: %v", err)
			}
		}
	}()
	select {
	case <-done:
	case <-time.After(time.Minute):
		t.Fatal("it waits for itself")
	}
}

// TestReportEscapesAddresses: the utf-8-addr-xtext of RFC 6533 section 3 escapes +, = and \ as well.
func TestReportEscapesAddresses(t *testing.T) {
	final, err := envelope.ParseAddress("jörg+a=b@example.org")
	if err != nil {
		t.Fatal(err)
	}
	report := message.DeliveryReport(message.Plain("x"), message.DeliveryStatus{
		ReportingMTA: "mx.example.org", Recipients: []message.RecipientStatus{{Final: final, Action: "failed", Status: "5.1.1"}},
	}, nil)
	m := build(t, message.New().From("a@example.org").To("b@example.org").Body(report))
	if want := `Final-Recipient: utf-8; j\x{F6}rg\x{2B}a\x{3D}b@example.org`; !strings.Contains(body(t, m), want) {
		t.Errorf("want %s in\n%s", want, body(t, m))
	}
}

package eml_test

import (
	"bytes"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/message"
	"github.com/depeche-mail/depeche/message/eml"
)

// attachmentMail is a mail with an attachment of lines that are made as they are read.
type attachmentMail struct {
	head, tail string
	lines      int64
}

const attachedLine = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2\r\n"

func newAttachmentMail(size int64) *attachmentMail {
	return &attachmentMail{
		head:  "From: a@x.example\r\nTo: b@x.example\r\nSubject: big\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nbody\r\n--b\r\nContent-Type: application/pdf; name=big.pdf\r\nContent-Disposition: attachment\r\nContent-Transfer-Encoding: base64\r\n\r\n",
		tail:  "--b--\r\n",
		lines: size / 57,
	}
}

func (a *attachmentMail) size() int64 {
	return int64(len(a.head)) + a.lines*int64(len(attachedLine)) + int64(len(a.tail))
}

func (a *attachmentMail) ReadAt(p []byte, offset int64) (n int, err error) {
	begin, end := int64(len(a.head)), int64(len(a.head))+a.lines*int64(len(attachedLine))
	for n < len(p) && offset < a.size() {
		var piece string
		switch {
		case offset < begin:
			piece = a.head[offset:]
		case offset < end:
			piece = attachedLine[(offset-begin)%int64(len(attachedLine)):]
		default:
			piece = a.tail[offset-end:]
		}
		copied := copy(p[n:], piece)
		n, offset = n+copied, offset+int64(copied)
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// TestLargeMailIsAStream reads a mail of 256 MiB and attaches its file to another one, in constant memory.
func TestLargeMailIsAStream(t *testing.T) {
	size := int64(256 << 20)
	if testing.Short() {
		size = 32 << 20
	}
	src := newAttachmentMail(size)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	m, err := eml.Open(src, src.size(), eml.Options{})
	if err != nil {
		t.Fatal(err)
	}
	content, err := m.Content()
	if err != nil || content.Text != "body" || len(content.Attachments) != 1 || content.Attachments[0].Name() != "big.pdf" {
		t.Fatalf("%q, %d attachments, %v", content.Text, len(content.Attachments), err)
	}
	again := build(t, message.New().From("a@x.example").To("b@x.example").Text("x").Attach(content.Attachments...))
	var end tail
	n, err := again.WriteTo(&end)
	if err != nil || n != again.Size() || n < size || !strings.Contains(string(end.last), strings.TrimSpace(attachedLine)) {
		t.Errorf("%d octets of %d, %v, end %q", n, again.Size(), err, end.last)
	}
	runtime.ReadMemStats(&after)
	const allowed = 64 << 20
	if got := after.TotalAlloc - before.TotalAlloc; got > allowed {
		t.Errorf("%d octets were allocated for an attachment of %d", got, size)
	}
}

// tail keeps the last octets that are written.
type tail struct{ last []byte }

func (w *tail) Write(p []byte) (int, error) {
	const keep = 256
	w.last = append(w.last, p[max(0, len(p)-keep):]...)
	w.last = append(w.last[:0], w.last[max(0, len(w.last)-keep):]...)
	return len(p), nil
}

// bombs are what would cost much if any part of it were looked at again and again.
var bombs = map[string]func(n int) string{
	"address brackets": func(n int) string { return "From: a@x.example\nTo: " + strings.Repeat("<", n) + "\n\nx" },
	"open comments":    func(n int) string { return "From: a@x.example\nTo: " + strings.Repeat("(", n) + "\n\nx" },
	"open quotes":      func(n int) string { return "From: a@x.example\nTo: " + strings.Repeat(`"\`, n/2) + "\n\nx" },
	"open quotes of parameters": func(n int) string {
		return "From: a@x.example\nContent-Type: a/b" + strings.Repeat(`; a="\`, n/6) + "\n\nx"
	},
	"far literals":  func(n int) string { return "From: a@x.example\nTo: " + strings.Repeat("[<", n/2) + "]\n\nx" },
	"open literals": func(n int) string { return "From: a@x.example\nTo: " + strings.Repeat("[", n) + "\n\nx" },
	"groups":        func(n int) string { return "From: a@x.example\nTo: " + strings.Repeat("a:", n/2) + "\n\nx" },
	"commas":        func(n int) string { return "From: a@x.example\nTo: " + strings.Repeat("a,", n/2) + "\n\nx" },
	"recipients": func(n int) string {
		var b strings.Builder
		b.WriteString("From: a@x.example\nTo: ")
		for i := range n / 20 {
			fmt.Fprintf(&b, "r%d@x.example,\n ", i)
		}
		return b.String() + "z@x.example\n\nx"
	},
	"word beginnings": func(n int) string { return "From: a@x.example\nSubject: " + strings.Repeat("=?a?q?x", n/7) + "\n\nx" },
	"words": func(n int) string {
		return "From: a@x.example\nSubject: " + strings.Repeat("=?utf-8?q?x?= ", n/14) + "\n\nx"
	},
	"fields":         func(n int) string { return "From: a@x.example\n" + strings.Repeat("A:\n", n/3) + "\nx" },
	"odd lines":      func(n int) string { return "From: a@x.example\n" + strings.Repeat("odd\nX-A: y\n", n/11) + "\nx" },
	"only odd lines": func(n int) string { return "From: a@x.example\n" + strings.Repeat("odd\n", n/4) },
	"continuations":  func(n int) string { return "From: a@x.example\nX: y\n" + strings.Repeat(" z\n", n/3) + "\nx" },
	"Resent fields": func(n int) string {
		return "From: a@x.example\n" + strings.Repeat("Resent-To: a@x.example\n", n/23) + "\nx"
	},
	"parameters": func(n int) string {
		return "From: a@x.example\nContent-Type: a/b" + strings.Repeat("; a*1=b", n/7) + "\n\nx"
	},
	"named parameters": func(n int) string { return "From: a@x.example\nContent-Type: a/b" + manyParams(n/12) + "\n\nx" },
	"unclosed parameters": func(n int) string {
		return "From: a@x.example\nContent-Type: a/b; a=" + strings.Repeat("(", n) + "\n\nx"
	},
	"parts": func(n int) string { return multipart + strings.Repeat("--b\n\n", n/5) },
	"multiparts in each other": func(n int) string {
		var b strings.Builder
		b.WriteString("From: a@x.example\n")
		for i := range n / 60 {
			fmt.Fprintf(&b, "Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n", i, i)
		}
		return b.String()
	},
	"one boundary for all": func(n int) string {
		return "From: a@x.example\n" + strings.Repeat("Content-Type: multipart/mixed; boundary=b\n\n--b\n", n/47)
	},
	"messages in each other": func(n int) string {
		return "From: a@x.example\n" + strings.Repeat("Content-Type: message/rfc822\n\n", n/30)
	},
	"nearly delimiters": func(n int) string { return multipart + strings.Repeat("--bb\n", n/5) },
	"blanks in quoted-printable": func(n int) string {
		return "From: a@x.example\nContent-Transfer-Encoding: quoted-printable\n\n" + strings.Repeat("= ", n/2)
	},
	"blanks": func(n int) string {
		return "From: a@x.example\nContent-Transfer-Encoding: quoted-printable\n\n" + strings.Repeat(" ", n)
	},
	"uuencode":   func(n int) string { return "From: a@x.example\n\n" + strings.Repeat("begin 644 a\n#86)C\n", n/18) },
	"references": func(n int) string { return "From: a@x.example\nReferences: " + strings.Repeat("<", n) + "\n\nx" },
	"dates":      func(n int) string { return "From: a@x.example\nDate: " + strings.Repeat("1 ", n/2) + "\n\nx" },
	"one line":   func(n int) string { return "From: a@x.example\n\n" + strings.Repeat("x", n) },
}

const multipart = "From: a@x.example\nContent-Type: multipart/mixed; boundary=b\n\n"

func manyParams(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "; a%d*%d=b", i, i%3)
	}
	return b.String()
}

// read does all that reading is.
func read(tb testing.TB, data string, me message.Mailbox) {
	tb.Helper()
	m, err := eml.Parse(strings.NewReader(data))
	if err != nil {
		tb.Fatal(err)
	}
	if _, err := m.Content(); err != nil {
		tb.Fatal(err)
	}
	for range m.Fields() {
	}
	_, _ = m.MessageID(), m.References()
	_, _ = m.Date(), m.Size()
	_ = m.ReplyAll(me)
	if _, err := m.WithCRLF().WriteTo(io.Discard); err != nil {
		tb.Fatal(err)
	}
}

// TestBombs reads 256 KiB of each: any quadratic part would take minutes.
func TestBombs(t *testing.T) {
	me := mailbox(t, "me@x.example")
	for name, bomb := range bombs {
		t.Run(name, func(t *testing.T) { read(t, bomb(256<<10), me) })
	}
}

// BenchmarkBombs shows the time for each octet over sizes that double: it stays the same.
func BenchmarkBombs(b *testing.B) {
	me, err := message.ParseMailbox("me@x.example")
	if err != nil {
		b.Fatal(err)
	}
	for name, bomb := range bombs {
		for size := 128 << 10; size <= 2<<20; size *= 2 {
			data := bomb(size)
			b.Run(fmt.Sprintf("%s/%dKiB", name, size>>10), func(b *testing.B) {
				b.SetBytes(int64(len(data)))
				for b.Loop() {
					read(b, data, me)
				}
			})
		}
	}
}

// TestLimits: what is over a limit is told, and nothing else is lost.
func TestLimits(t *testing.T) {
	in := multipart + "--b\n\none\n--b\n\ntwo\n--b\n\nthree\n--b--\n"
	m, err := eml.ParseWithOptions(strings.NewReader(in), eml.Options{MaxParts: 3})
	if err != nil {
		t.Fatal(err)
	}
	content, err := m.Content()
	if err != nil || content.Text != "one\ntwo" || len(content.Attachments) != 1 || !strings.Contains(fmt.Sprint(content.Faults), "more than 3 parts") {
		t.Errorf("parts: %q, %d attachments, %v, %v", content.Text, len(content.Attachments), content.Faults, err)
	}
	m, err = eml.ParseWithOptions(strings.NewReader(in), eml.Options{MaxText: 5})
	if err != nil {
		t.Fatal(err)
	}
	if content, err = m.Content(); err != nil || content.Text != "one" || len(content.Attachments) != 2 || !strings.Contains(fmt.Sprint(content.Faults), "too long") {
		t.Errorf("text: %q, %d attachments, %v, %v", content.Text, len(content.Attachments), content.Faults, err)
	}
	deep := "From: a@x.example\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: multipart/mixed; boundary=c\n\n--c\n\nin\n--c--\n--b\n\nout\n--b--\n"
	m, err = eml.ParseWithOptions(strings.NewReader(deep), eml.Options{MaxDepth: 1})
	if err != nil {
		t.Fatal(err)
	}
	if content, err = m.Content(); err != nil || content.Text != "out" || len(content.Attachments) != 1 || !strings.Contains(fmt.Sprint(content.Faults), "part 1: multiparts nested deeper than 1") {
		t.Errorf("depth: %q, %d attachments, %v, %v", content.Text, len(content.Attachments), content.Faults, err)
	}
	var b bytes.Buffer
	b.WriteString("From: a@x.example\nContent-Type: multipart/mixed; boundary=b\n\n--b\nX: " + strings.Repeat("x", 2000) + "\n\nin\n--b\n\nout\n--b--\n")
	m, err = eml.ParseWithOptions(&b, eml.Options{MaxHeader: 1000})
	if err != nil {
		t.Fatal(err)
	}
	if content, err = m.Content(); err != nil || !strings.Contains(content.Text, "out") || !strings.Contains(fmt.Sprint(content.Faults), "longer than 1000 octets") {
		t.Errorf("header: %q, %v, %v", content.Text, content.Faults, err)
	}
}

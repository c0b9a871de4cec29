package compose

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/bench/limit"
	"github.com/depeche-mail/depeche/message"
	"github.com/depeche-mail/depeche/message/eml"
	gomessage "github.com/emersion/go-message/mail"
	gomail "github.com/wneessen/go-mail"
	oldgomail "gopkg.in/gomail.v2"
)

const (
	plain          = "Be happy! The quick brown fox jumps over the lazy dog, again.\n"
	encodedSubject = "=?utf-8?q?Gr=C3=BC=C3=9Fe_an_alle=2C_und_zwar_an_wirklich_alle=2C_die_das_?=\r\n =?utf-8?q?hier_lesen_k=C3=B6nnen?="
	subject        = "Grüße an alle, und zwar an wirklich alle, die das hier lesen können"
)

var (
	text = strings.Repeat("Grüße! Das ist ein Text mit einigen Umlauten, wie ihn viele schreiben.\n", 12)
	html = "<html><body>" + strings.Repeat("<p>Das ist ein Absatz mit <b>fetten</b> Wörtern und Text.</p>\n", 12) + "</body></html>\n"
)

// composers write a kind of message with each library.
type composer struct {
	name  string
	plain func(io.Writer) error
	html  func(io.Writer) error
	file  func(w io.Writer, path string) error
}

var composers = []composer{
	{"depeche", depechePlain, depecheHTML, depecheFile},
	{"go-mail", goMailPlain, goMailHTML, goMailFile},
	{"gomail.v2", gomailPlain, gomailHTML, gomailFile},
	{"go-message", goMessagePlain, goMessageHTML, goMessageFile},
}

// atLimit is a program without any library. It knows the encoded subject, and encodes no file.
var atLimit = composer{"limit", limitPlain, limitHTML, nil}

// limitBuffer is used again and again.
var limitBuffer []byte

func limitPlain(w io.Writer) error {
	h := limit.Header{From: "NoBody <nobody@domain.tld>", To: "Hei <hei@domain.tld>", Subject: "Happy new year"}
	limitBuffer = limit.AppendText(limitBuffer[:0], h, plain)
	_, err := w.Write(limitBuffer)
	return err
}

func limitHTML(w io.Writer) error {
	h := limit.Header{From: "NoBody <nobody@domain.tld>", To: "Hei <hei@domain.tld>", Subject: encodedSubject}
	limitBuffer = limit.AppendBoth(limitBuffer[:0], h, text, html)
	_, err := w.Write(limitBuffer)
	return err
}

func depeche(b message.Builder, w io.Writer) error {
	m, err := b.From("NoBody <nobody@domain.tld>").To("Hei <hei@domain.tld>").Build()
	if err != nil {
		return err
	}
	_, err = m.WriteTo(w)
	return err
}

func depechePlain(w io.Writer) error {
	return depeche(message.New().Subject("Happy new year").Text(plain), w)
}

func depecheHTML(w io.Writer) error {
	return depeche(message.New().Subject(subject).Text(text).HTML(html), w)
}

func depecheFile(w io.Writer, path string) error {
	return depeche(message.New().Subject("x").Text(plain).Attach(message.File(os.DirFS(filepath.Dir(path)), filepath.Base(path))), w)
}

func goMail(w io.Writer, set func(*gomail.Msg)) error {
	m := gomail.NewMsg()
	if err := m.FromFormat("NoBody", "nobody@domain.tld"); err != nil {
		return err
	}
	if err := m.AddToFormat("Hei", "hei@domain.tld"); err != nil {
		return err
	}
	m.SetDate()
	m.SetMessageID()
	set(m)
	_, err := m.WriteTo(w)
	return err
}

func goMailPlain(w io.Writer) error {
	return goMail(w, func(m *gomail.Msg) {
		m.Subject("Happy new year")
		m.SetBodyString(gomail.TypeTextPlain, plain)
	})
}

func goMailHTML(w io.Writer) error {
	return goMail(w, func(m *gomail.Msg) {
		m.Subject(subject)
		m.SetBodyString(gomail.TypeTextPlain, text)
		m.AddAlternativeString(gomail.TypeTextHTML, html)
	})
}

func goMailFile(w io.Writer, path string) error {
	return goMail(w, func(m *gomail.Msg) {
		m.Subject("x")
		m.SetBodyString(gomail.TypeTextPlain, plain)
		m.AttachFile(path)
	})
}

func oldGomail(w io.Writer, set func(*oldgomail.Message)) error {
	m := oldgomail.NewMessage()
	m.SetAddressHeader("From", "nobody@domain.tld", "NoBody")
	m.SetAddressHeader("To", "hei@domain.tld", "Hei")
	set(m)
	_, err := m.WriteTo(w)
	return err
}

func gomailPlain(w io.Writer) error {
	return oldGomail(w, func(m *oldgomail.Message) {
		m.SetHeader("Subject", "Happy new year")
		m.SetBody("text/plain", plain)
	})
}

func gomailHTML(w io.Writer) error {
	return oldGomail(w, func(m *oldgomail.Message) {
		m.SetHeader("Subject", subject)
		m.SetBody("text/plain", text)
		m.AddAlternative("text/html", html)
	})
}

func gomailFile(w io.Writer, path string) error {
	return oldGomail(w, func(m *oldgomail.Message) {
		m.SetHeader("Subject", "x")
		m.SetBody("text/plain", plain)
		m.Attach(path)
	})
}

func goMessageHeader(subject string) gomessage.Header {
	var h gomessage.Header
	h.SetAddressList("From", []*gomessage.Address{{Name: "NoBody", Address: "nobody@domain.tld"}})
	h.SetAddressList("To", []*gomessage.Address{{Name: "Hei", Address: "hei@domain.tld"}})
	h.SetSubject(subject)
	return h
}

func goMessagePlain(w io.Writer) error {
	h := goMessageHeader("Happy new year")
	if err := h.GenerateMessageID(); err != nil {
		return err
	}
	h.SetContentType("text/plain", map[string]string{"charset": "utf-8"})
	body, err := gomessage.CreateSingleInlineWriter(w, h)
	if err != nil {
		return err
	}
	if _, err := io.WriteString(body, plain); err != nil {
		return err
	}
	return body.Close()
}

func goMessageHTML(w io.Writer) error {
	h := goMessageHeader(subject)
	if err := h.GenerateMessageID(); err != nil {
		return err
	}
	in, err := gomessage.CreateInlineWriter(w, h)
	if err != nil {
		return err
	}
	for _, p := range [][2]string{{"text/plain", text}, {"text/html", html}} {
		var ih gomessage.InlineHeader
		ih.SetContentType(p[0], map[string]string{"charset": "utf-8"})
		part, err := in.CreatePart(ih)
		if err != nil {
			return err
		}
		if _, err := io.WriteString(part, p[1]); err != nil {
			return err
		}
		if err := part.Close(); err != nil {
			return err
		}
	}
	return in.Close()
}

func goMessageFile(w io.Writer, path string) error {
	m, err := gomessage.CreateWriter(w, goMessageHeader("x"))
	if err != nil {
		return err
	}
	var h gomessage.AttachmentHeader
	h.SetFilename(filepath.Base(path))
	h.Set("Content-Transfer-Encoding", "base64")
	part, err := m.CreateAttachment(h)
	if err != nil {
		return err
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	if _, err := io.Copy(part, f); err != nil {
		return err
	}
	if err := part.Close(); err != nil {
		return err
	}
	return m.Close()
}

// run measures the libraries beside each other; x is the speed in relation to the first peer, go-mail, and share the
// part of the speed of the limit.
func run(b *testing.B, octets int64, each func(composer) error, beside ...composer) {
	seconds := map[string]float64{}
	for _, c := range append(beside, composers[1], composers[2], composers[3], composers[0]) {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(octets)
			for b.Loop() {
				if err := each(c); err != nil {
					b.Fatal(err)
				}
			}
			seconds[c.name] = b.Elapsed().Seconds() / float64(b.N)
			if peer := seconds["go-mail"]; peer > 0 {
				b.ReportMetric(peer/seconds[c.name], "x")
			}
			if least := seconds["limit"]; least > 0 && c.name != "limit" {
				b.ReportMetric(least/seconds[c.name], "share")
			}
		})
	}
}

func BenchmarkPlain(b *testing.B) {
	run(b, 0, func(c composer) error { return c.plain(io.Discard) }, atLimit)
}

func BenchmarkHTML(b *testing.B) {
	run(b, 0, func(c composer) error { return c.html(io.Discard) }, atLimit)
}

// BenchmarkFile counts octets of base64.
func BenchmarkFile(b *testing.B) {
	for _, size := range []struct {
		name   string
		octets int
	}{{"1MiB", 1 << 20}, {"10MiB", 10 << 20}} {
		path := filepath.Join(b.TempDir(), "data.bin")
		if err := os.WriteFile(path, bytes.Repeat([]byte("0123456789abcdef"), size.octets/16), 0o600); err != nil {
			b.Fatal(err)
		}
		b.Run(size.name, func(b *testing.B) {
			run(b, int64(size.octets)/57*78, func(c composer) error { return c.file(io.Discard, path) })
		})
	}
}

// TestComposers: what is compared is the same mail.
func TestComposers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data.bin")
	if err := os.WriteFile(path, []byte("content"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range append(composers, atLimit) {
		for kind, write := range map[string]func(io.Writer) error{"plain": c.plain, "html": c.html, "file": func(w io.Writer) error { return c.file(w, path) }} {
			if kind == "file" && c.file == nil {
				continue
			}
			var b bytes.Buffer
			if err := write(&b); err != nil {
				t.Errorf("%s %s: %v", c.name, kind, err)
				continue
			}
			m, err := eml.Parse(&b)
			if err != nil {
				t.Fatal(err)
			}
			content, err := m.Content()
			from, fromErr := m.From()
			if err != nil || fromErr != nil || from[0].Name != "NoBody" {
				t.Errorf("%s %s: %v, %v, %v", c.name, kind, from, err, fromErr)
			}
			if kind == "html" && (strings.TrimSpace(content.HTML) != strings.TrimSpace(html) || m.Subject() != subject) {
				t.Errorf("%s: HTML %q, subject %q", c.name, content.HTML, m.Subject())
			}
			if kind == "file" && len(content.Attachments) != 1 {
				t.Errorf("%s: %d attachments", c.name, len(content.Attachments))
			}
		}
	}
}

// TestAllocations holds what composing may cost; times are for benchmarks.
func TestAllocations(t *testing.T) {
	file := func(name string) func(io.Writer) error {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, bytes.Repeat([]byte("0123456789abcde\n"), 1<<16), 0o600); err != nil {
			t.Fatal(err)
		}
		return func(w io.Writer) error { return depecheFile(w, path) }
	}
	newsletter := func(write func(io.Writer, reader) error) func(io.Writer) error {
		return func(w io.Writer) error { return write(w, readers[0]) }
	}
	for name, tc := range map[string]struct {
		write func(io.Writer) error
		most  float64
	}{
		"plain": {depechePlain, 2}, "HTML": {depecheHTML, 6}, "1 MiB": {file("data.bin"), 46}, "1 MiB of text": {file("data.txt"), 40},
		"newsletter of pieces": {newsletter(pieceLetter), 6}, "newsletter of templates": {newsletter(templateLetter), 40},
	} {
		got := testing.AllocsPerRun(200, func() {
			if err := tc.write(io.Discard); err != nil {
				t.Fatal(err)
			}
		})
		if got > tc.most {
			t.Errorf("%s: %v allocations, at most %v", name, got, tc.most)
		}
	}
}

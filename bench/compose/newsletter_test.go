package compose

import (
	"bytes"
	pages "html/template"
	"io"
	"strconv"
	"strings"
	"testing"
	texts "text/template"

	"github.com/depeche-mail/depeche/bench/limit"
	"github.com/depeche-mail/depeche/message"
	"github.com/depeche-mail/depeche/message/eml"
	"github.com/depeche-mail/depeche/message/templates"
	gomail "github.com/wneessen/go-mail"
	oldgomail "gopkg.in/gomail.v2"
)

// reader is whom a newsletter is for.
type reader struct{ Name, Address, Link string }

var readers = []reader{
	{"Zoë", "zoe@domain.tld", "https://shop.domain.tld/off/17"}, {"Hei", "hei@domain.tld", "https://shop.domain.tld/off/18"},
}

// page is a newsletter of 20 KiB: what differs between readers stands in three lines.
var page = "<html><body>\n<h1>Hallo {{.Name}}!</h1>\n" + paragraphs(10<<10) + "<p>Nur für {{.Name}}.</p>\n" + paragraphs(10<<10) +
	"<p><a href=\"{{.Link}}\">Abmelden</a></p>\n</body></html>\n"

const greeting = "Neues für {{.Name}}"

func paragraphs(octets int) string {
	const one = "<p style=\"margin:0 0 16px\">Das ist ein Absatz mit <b>fetten</b> Wörtern und Text, wie er in Rundbriefen steht.</p>\n"
	return strings.Repeat(one, octets/len(one))
}

var newsletter = templates.Set{
	Subject: texts.Must(texts.New("subject").Parse(greeting)),
	HTML:    pages.Must(pages.New("html").Parse(page)),
	NoText:  true,
}

// letters are the ways to write the newsletter of a reader.
var letters = []struct {
	name  string
	write func(io.Writer, reader) error
}{
	{"copy", copyLetter},
	{"go-mail", goMailLetter},
	{"gomail.v2", gomailLetter},
	{"depeche, plain", plainLetter},
	{"depeche, templates", templateLetter},
	{"depeche, pieces", pieceLetter},
}

// fixedParts are the parts of the page between values, as quoted-printable and as they are.
var (
	between      = strings.FieldsFunc(strings.NewReplacer("{{.Name}}", "\x00", "{{.Link}}", "\x00").Replace(page), func(c rune) bool { return c == 0 })
	encodedParts = func() (all []string) {
		for _, part := range between {
			all = append(all, string(limit.AppendQuoted(nil, part)))
		}
		return all
	}()
	fixedParts = func() (all []*message.FixedText) {
		for _, part := range between {
			all = append(all, message.NewFixedText(part))
		}
		return all
	}()
)

// copyLetter is a program without any library: it copies what was encoded before, and encodes the values.
func copyLetter(w io.Writer, r reader) error {
	h := limit.Header{From: "NoBody <nobody@domain.tld>", To: r.Address, Subject: "=?utf-8?q?Neues_f=C3=BCr_" + string(limit.AppendQuoted(nil, r.Name)) + "?="}
	limitBuffer = limit.AppendHTML(limitBuffer[:0], h, "")
	for i, value := range []string{r.Name, r.Name, r.Link} {
		limitBuffer = limit.AppendQuoted(append(limitBuffer, encodedParts[i]...), value)
	}
	limitBuffer = append(limitBuffer, encodedParts[3]...)
	_, err := w.Write(limitBuffer)
	return err
}

func goMailLetter(w io.Writer, r reader) error {
	m := gomail.NewMsg()
	if err := m.FromFormat("NoBody", "nobody@domain.tld"); err != nil {
		return err
	}
	if err := m.To(r.Address); err != nil {
		return err
	}
	m.SetDate()
	m.SetMessageID()
	m.Subject("Neues für " + r.Name)
	if err := m.SetBodyHTMLTemplate(newsletter.HTML, r); err != nil {
		return err
	}
	_, err := m.WriteTo(w)
	return err
}

func gomailLetter(w io.Writer, r reader) error {
	m := oldgomail.NewMessage()
	m.SetAddressHeader("From", "nobody@domain.tld", "NoBody")
	m.SetHeader("To", r.Address)
	m.SetHeader("Subject", "Neues für "+r.Name)
	var body strings.Builder
	if err := newsletter.HTML.Execute(&body, r); err != nil {
		return err
	}
	m.SetBody("text/html", body.String())
	_, err := m.WriteTo(w)
	return err
}

func letter(b message.Builder, r reader, w io.Writer) error {
	m, err := b.From("NoBody <nobody@domain.tld>").To(r.Address).Build()
	if err != nil {
		return err
	}
	_, err = m.WriteTo(w)
	return err
}

// plainLetter executes the template into a string.
func plainLetter(w io.Writer, r reader) error {
	var body strings.Builder
	if err := newsletter.HTML.Execute(&body, r); err != nil {
		return err
	}
	return letter(message.New().Subject("Neues für "+r.Name).HTML(body.String()), r, w)
}

func templateLetter(w io.Writer, r reader) error {
	b, err := newsletter.Apply(message.New(), r)
	if err != nil {
		return err
	}
	return letter(b, r, w)
}

// pieceLetter needs no template package.
func pieceLetter(w io.Writer, r reader) error {
	var body message.TextBuilder
	body.Grow(512)
	for i, value := range []string{r.Name, r.Name, r.Link} {
		body.WriteFixed(fixedParts[i])
		_, _ = body.WriteString(pages.HTMLEscapeString(value))
	}
	body.WriteFixed(fixedParts[3])
	return letter(message.New().Subject("Neues für "+r.Name).HTMLPart(body.Part("text/html")), r, w)
}

// BenchmarkNewsletter writes a newsletter of 20 KiB for one reader after the other. "share" is the part of the speed of a program
// that copies it.
func BenchmarkNewsletter(b *testing.B) {
	var least float64
	for _, way := range letters {
		b.Run(way.name, func(b *testing.B) {
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				if err := way.write(io.Discard, readers[i%len(readers)]); err != nil {
					b.Fatal(err)
				}
				i++
			}
			each := b.Elapsed().Seconds() / float64(b.N)
			if least == 0 {
				least = each
			}
			b.ReportMetric(least/each, "share")
		})
	}
}

// TestLetters: what is compared is the same mail for each reader.
func TestLetters(t *testing.T) {
	for _, way := range letters {
		for i, r := range readers {
			var b bytes.Buffer
			if err := way.write(&b, r); err != nil {
				t.Fatal(err)
			}
			m, err := eml.Parse(&b)
			if err != nil {
				t.Fatal(err)
			}
			content, err := m.Content()
			want := strings.NewReplacer("{{.Name}}", r.Name, "{{.Link}}", r.Link).Replace(page)
			if err != nil || strings.TrimSpace(content.HTML) != strings.TrimSpace(want) || m.Subject() != "Neues für "+r.Name {
				t.Errorf("%s, reader %s: subject %q, %d octets of HTML, %v", way.name, strconv.Itoa(i), m.Subject(), len(content.HTML), err)
			}
		}
	}
}

package preview

import (
	_ "embed"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/depeche-mail/depeche/mailtest"
)

//go:embed pages.html
var pagesSource string

//go:embed style.css
var styleSource []byte

// pages escapes everything by its place: text, attributes, addresses.
var pages = template.Must(template.New("pages").Parse(pagesSource))

// Limits of a page; the rest is in the source.
const (
	maxText  = 256 << 10 // octets of plain text
	maxValue = 4 << 10   // octets of a header field
	maxTitle = 200       // octets of what stands in a list
	maxLinks = 100
)

// listed is a mail in the list.
type listed struct {
	Link, Subject, From, To, Received, Size string
	Attachments                             int
}

// shown is a mail on its page.
type shown struct {
	listed
	EnvelopeFrom string
	Recipients   []string
	Header       []mailtest.Field
	Text         string
	HasHTML      bool
	Links        []string
	Inline       []file
	Files        []file
	Faults       []string
}

// file is a part that can be downloaded.
type file struct{ Link, Name, Type, Size string }

func (h *handler) list(w http.ResponseWriter, _ *http.Request) {
	mails := h.inbox.Mails()
	slices.Reverse(mails)
	rows := make([]listed, 0, len(mails))
	for _, m := range mails {
		rows = append(rows, row(m))
	}
	render(w, "list", rows)
}

func row(m *mailtest.Mail) listed {
	view, env := m.View(), m.Envelope()
	to := make([]string, 0, env.Len())
	for _, r := range env.Recipients() {
		to = append(to, r.Address.String())
	}
	return listed{
		Link: "mail/" + m.ID() + "/", Subject: cut(view.Subject(), maxTitle), From: cut(view.Get("From"), maxTitle),
		To: cut(strings.Join(to, ", "), maxTitle), Received: m.Received().Format("2006-01-02 15:04:05"),
		Size: size(m.Size()), Attachments: len(view.Attachments),
	}
}

// page shows a mail; its HTML is in the frame of the page.
func page(w http.ResponseWriter, _ *http.Request, m *mailtest.Mail) {
	view := m.View()
	s := shown{
		listed: row(m), EnvelopeFrom: m.Envelope().From().String(), Text: cut(view.Text, maxText),
		HasHTML: view.HTML != "", Links: links(view.HTML), Faults: view.Faults,
	}
	for _, r := range m.Envelope().Recipients() {
		s.Recipients = append(s.Recipients, r.Address.String())
	}
	for _, f := range view.Header {
		s.Header = append(s.Header, mailtest.Field{Name: cut(f.Name, maxTitle), Value: cut(f.Value, maxValue)})
	}
	for i, p := range parts(view) {
		f := file{Link: partLink(i), Name: cut(p.Name, maxTitle), Type: cut(p.Type, maxTitle), Size: size(int64(len(p.Data)))}
		if f.Name == "" {
			f.Name = "(no name)"
		}
		if i < len(view.Inline) {
			s.Inline = append(s.Inline, f)
		} else {
			s.Files = append(s.Files, f)
		}
	}
	render(w, "mail", s)
}

func render(w http.ResponseWriter, name string, data any) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", pagePolicy)
	_ = pages.ExecuteTemplate(w, name, data) // the templates are tested: what fails is the connection
}

func style(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	_, _ = w.Write(styleSource) // as above
}

// cut shortens what a stranger wrote.
func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	for most > 0 && !utf8.RuneStart(s[most]) {
		most--
	}
	return s[:most] + " … (cut)"
}

func size(n int64) string {
	const k = 1024
	switch {
	case n < k:
		return fmt.Sprintf("%d B", n)
	case n < k*k:
		return fmt.Sprintf("%.1f KiB", float64(n)/k)
	}
	return fmt.Sprintf("%.1f MiB", float64(n)/k/k)
}

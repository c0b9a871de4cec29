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

//go:embed assets/list.html
var listSource string

//go:embed assets/mail.html
var mailSource string

//go:embed assets/style.css
var styleSource []byte

// pages escapes everything by its place: text, attributes, addresses.
var pages = template.Must(template.Must(template.New("list").Funcs(template.FuncMap{
	"script": func() template.HTML { return script },
	"plural": plural,
}).Parse(listSource)).Parse(mailSource))

// Limits of a page; the rest is in the source.
const (
	maxText  = 256 << 10 // octets of plain text
	maxValue = 4 << 10   // octets of a header field
	maxTitle = 200       // octets of what stands in a list
	maxLinks = 100
)

// shown is a mail on its page.
type shown struct {
	ID, Subject, Size string
	Received          moment
	From, Date        string
	People            []person // To, Cc and blind recipients
	EnvelopeFrom      string
	Recipients        []string
	Notes             []Note
	Outcomes          []outcomeShown
	CanRelease        bool
	ReleaseTo         string

	View, Scheme, Width string
	Tabs                []tab
	Header              []mailtest.Field
	Text, Code, Source  string
	Links               []string
	Parts               []file
	Files               int
	Findings            []Finding
	Newer, Older        string // IDs
	Beside              []listed
}

// person is a field that names recipients.
type person struct {
	Field, Value string
	IsBlind      bool
}

// tab is a way to look at a mail.
type tab struct {
	Name, Title string
	Count       int
	IsCurrent   bool
}

// outcomeShown is an outcome with its time in words.
type outcomeShown struct {
	outcome

	At moment
}

// page shows a mail; its HTML is in the frame of the page.
func (h *handler) page(w http.ResponseWriter, r *http.Request, m *mailtest.Mail) {
	if r.Method == http.MethodGet {
		h.marks.open(m.ID())
	}
	view := m.View()
	s := shown{
		ID: m.ID(), Subject: cut(view.Subject(), maxTitle), Size: size(m.Size()), Received: momentOf(m.Received()),
		From: cut(view.Get("From"), maxValue), Date: cut(view.Get("Date"), maxTitle), EnvelopeFrom: m.Envelope().From().String(),
		People: people(m), Notes: h.notes(m), CanRelease: h.Release != nil, ReleaseTo: h.ReleaseTo,
		Links: links(view), Parts: files(view), Files: len(view.Attachments), Findings: Check(m),
	}
	for _, recipient := range m.Envelope().Recipients() {
		s.Recipients = append(s.Recipients, recipient.Address.String())
	}
	for _, done := range h.marks.releases(m.ID()) {
		s.Outcomes = append(s.Outcomes, outcomeShown{done, momentOf(done.At)})
	}
	s.Newer, s.Older, s.Beside = h.neighbours(m)
	s.look(r, view)
	switch s.View {
	case "text":
		s.Text = cut(view.Text, maxText)
	case "code":
		s.Code = cut(view.HTML, maxText)
	case "source":
		s.Source = strings.ToValidUTF8(cut(m.Source(), maxText), "\ufffd")
	case "header":
		s.Header = namedAsSent(m)
	}
	render(w, http.StatusOK, "mail", s)
}

// look reads from the address which tab is shown, and how. What is not known is the default.
func (s *shown) look(r *http.Request, view *mailtest.View) {
	s.Tabs = []tab{{Name: "text", Title: "Text"}, {Name: "source", Title: "Source"}, {Name: "header", Title: "Header"}}
	if view.HTML != "" {
		s.Tabs = slices.Insert(s.Tabs, 1, tab{Name: "code", Title: "HTML source"})
		s.Tabs = slices.Insert(s.Tabs, 0, tab{Name: "html", Title: "HTML"})
	}
	s.Tabs = append(s.Tabs, tab{Name: "parts", Title: "Parts", Count: len(s.Parts)},
		tab{Name: "links", Title: "Links", Count: len(s.Links)}, tab{Name: "checks", Title: "Checks", Count: len(s.Findings)})
	wanted := r.URL.Query().Get("view")
	if !slices.ContainsFunc(s.Tabs, func(t tab) bool { return t.Name == wanted }) {
		wanted = s.Tabs[0].Name
	}
	s.View = wanted
	for i := range s.Tabs {
		s.Tabs[i].IsCurrent = s.Tabs[i].Name == wanted
	}
	s.Scheme, s.Width = "light", "full"
	if r.URL.Query().Get("scheme") == "dark" {
		s.Scheme = "dark"
	}
	if width := r.URL.Query().Get("width"); width == "phone" || width == "tablet" {
		s.Width = width
	}
}

// people returns who a mail goes to, by its header and its envelope.
func people(m *mailtest.Mail) []person {
	var list []person
	for _, name := range []string{"To", "Cc"} {
		if v := values(m.View(), name); len(v) > 0 {
			list = append(list, person{Field: name, Value: cut(strings.Join(v, ", "), maxValue)})
		}
	}
	if hidden := blind(m); len(hidden) > 0 {
		list = append(list, person{Field: "Bcc", Value: cut(strings.Join(hidden, ", "), maxValue), IsBlind: true})
	}
	return list
}

// beside are how many newer and older mails stand beside one, where the window has room for them.
const besideNewer, besideOlder = 10, 20

// neighbours returns the IDs of the mails before and after one, "" for none, and those around it, the newest first.
func (h *handler) neighbours(m *mailtest.Mail) (newer, older string, beside []listed) {
	all := h.Inbox.Mails()
	slices.Reverse(all)
	i := slices.IndexFunc(all, func(other *mailtest.Mail) bool { return other.ID() == m.ID() })
	if i < 0 { // deleted just now
		return "", "", nil
	}
	if i > 0 {
		newer = all[i-1].ID()
	}
	if i+1 < len(all) {
		older = all[i+1].ID()
	}
	for _, other := range all[max(i-besideNewer, 0):min(i+besideOlder+1, len(all))] {
		beside = append(beside, h.row(other))
	}
	return newer, older, beside
}

func render(w http.ResponseWriter, status int, name string, data any) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", pagePolicy)
	w.WriteHeader(status)
	_ = pages.ExecuteTemplate(w, name, data) // the templates are tested: what fails is the connection
}

func style(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	_, _ = w.Write(styleSource) // as above
}

// cut shortens what a stranger wrote.
func cut(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit] + " … (cut)"
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

package templates_test

import (
	"fmt"
	html "html/template"
	"log"
	"strings"
	"testing"
	text "text/template"

	"github.com/depeche-mail/depeche/message"
	"github.com/depeche-mail/depeche/message/eml"
	"github.com/depeche-mail/depeche/message/templates"
)

var welcome = templates.Set{
	Subject: text.Must(text.New("subject").Parse("Welcome, {{.}}\n")),
	Text:    text.Must(text.New("text").Parse("Dear {{.}}, be happy.\n")),
	HTML:    html.Must(html.New("html").Parse("<p>Dear {{.}}, be happy.</p>\n")),
}

func ExampleSet() {
	b, err := welcome.Apply(message.New().From("a@example.org").To("b@example.org"), "Zoë & <Hei>")
	if err != nil {
		log.Fatal(err)
	}
	msg, err := b.Build()
	if err != nil {
		log.Fatal(err)
	}
	octets, err := msg.Bytes()
	if err != nil {
		log.Fatal(err)
	}
	parsed, err := eml.Parse(strings.NewReader(string(octets)))
	if err != nil {
		log.Fatal(err)
	}
	content, err := parsed.Content()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(parsed.Subject(), "\n", content.Text, content.HTML)
	// Output:
	// Welcome, Zoë & <Hei>
	// Dear Zoë & <Hei>, be happy.
	// <p>Dear Zoë &amp; &lt;Hei&gt;, be happy.</p>
}

func TestFailingTemplate(t *testing.T) {
	for name, set := range map[string]templates.Set{
		"subject": {Subject: text.Must(text.New("").Parse("{{.Missing}}"))},
		"text":    {Text: text.Must(text.New("").Parse("{{.Missing}}"))},
		"HTML":    {HTML: html.Must(html.New("").Parse("{{.Missing}}"))},
	} {
		b, err := set.Apply(message.New(), "no struct")
		if err == nil || !strings.HasPrefix(err.Error(), name+" template") {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := b.Build(); err == nil {
			t.Errorf("%s: the builder can be used on", name)
		}
	}
}

func TestSubjectInjection(t *testing.T) {
	b, err := welcome.Apply(message.New().From("a@example.org").To("b@example.org"), "x\r\nBcc: evil@example.org")
	if err != nil {
		t.Fatal(err)
	}
	msg, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	if octets, err := msg.Bytes(); err != nil || strings.Contains(strings.SplitN(string(octets), "\r\n\r\n", 2)[0], "Bcc") {
		t.Errorf("%s, %v", octets, err)
	}
}

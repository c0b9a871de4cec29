// Package templates fills messages from text/template and html/template. It is apart from package
// message because a program that links text/template loses the linker's dead-code elimination.
package templates

import (
	"fmt"
	html "html/template"
	"strings"
	text "text/template"

	"github.com/depeche-mail/depeche/message"
)

// Set is the templates of a kind of message. Nil ones are left out. A Set is safe for concurrent use
// when its templates are not changed.
type Set struct {
	Subject *text.Template
	Text    *text.Template
	HTML    *html.Template // escapes what it is given, as pages do
}

// Apply runs the templates with data, and gives the results to the builder. The first line of the
// subject counts. When a template fails, the error says which one, and the builder is spent.
func (s Set) Apply(b message.Builder, data any) (message.Builder, error) {
	var out strings.Builder
	if s.Subject != nil {
		if err := s.Subject.Execute(&out, data); err != nil {
			return message.Builder{}, fmt.Errorf("subject template: %w", err)
		}
		subject, _, _ := strings.Cut(strings.TrimSpace(out.String()), "\n")
		b = b.Subject(strings.TrimRight(subject, "\r"))
	}
	if s.Text != nil {
		out.Reset()
		if err := s.Text.Execute(&out, data); err != nil {
			return message.Builder{}, fmt.Errorf("text template: %w", err)
		}
		b = b.Text(out.String())
	}
	if s.HTML != nil {
		out.Reset()
		if err := s.HTML.Execute(&out, data); err != nil {
			return message.Builder{}, fmt.Errorf("HTML template: %w", err)
		}
		b = b.HTML(out.String())
	}
	return b, nil
}

// Package templates fills messages from text/template and html/template: from templates that the program has ([Set]), or
// from a folder of files ([Load]). It is apart from package message because a program that links text/template loses the
// linker's dead-code elimination.
package templates

import (
	"errors"
	"fmt"
	html "html/template"
	"io"
	"io/fs"
	"strings"
	text "text/template"

	"github.com/depeche-mail/depeche/message"
	"github.com/depeche-mail/depeche/message/markup"
)

// Set is the templates of a kind of message. Nil ones are left out. A Set is safe for concurrent use
// when its templates are not changed.
type Set struct {
	Subject *text.Template
	Text    *text.Template
	HTML    *html.Template // escapes what it is given, as pages do
	// NoText leaves the message without plain text when Text is nil. Otherwise the text is made from the HTML: many
	// readers, and filters against spam, want one.
	NoText bool
	// Images, if it is set, has the images that the HTML names by file; they become inline parts, see [markup.Embed].
	Images fs.FS

	own bool // the templates are those of a folder: no program executes one that is called by another
}

// Apply runs the templates with data, and gives the results to the builder. The first line of the
// subject counts. When a template fails, the error says which one, and the builder is spent. It also fails when a template
// printed "<no value>", as text/template does for nil, or "#ZgotmplZ", as html/template does for a value that could be
// dangerous in its place: no recipient should see that.
func (s Set) Apply(b message.Builder, data any) (message.Builder, error) {
	if s.Subject != nil {
		line, err := run("subject", s.Subject, nil, data)
		if err != nil {
			return message.Builder{}, err
		}
		subject, _, _ := strings.Cut(strings.TrimSpace(line.String()), "\n")
		b = b.Subject(strings.TrimRight(subject, "\r"))
	}
	if s.Text != nil {
		plain, err := s.text(data)
		if err != nil {
			return message.Builder{}, err
		}
		b = b.TextPart(plain.Part("text/plain"))
	}
	if s.HTML == nil {
		return b, nil
	}
	source, err := s.html(data)
	if err != nil {
		return message.Builder{}, err
	}
	if s.Text == nil && !s.NoText {
		b = b.Text(markup.Text(source.String()))
	}
	if s.Images == nil {
		return b.HTMLPart(source.Part("text/html")), nil
	}
	page, err := markup.Embed(source.String(), s.Images)
	if err != nil {
		return message.Builder{}, fmt.Errorf("HTML template: %w", err)
	}
	return page.AddTo(b), nil
}

func (s Set) text(data any) (*message.TextBuilder, error) {
	known, isKnown := fixedOf(s.Text)
	w, err := run("text", s.Text, known, data)
	if err == nil && !isKnown {
		keep(s.Text, textPieces(s.Text))
	}
	return w, err
}

func (s Set) html(data any) (*message.TextBuilder, error) {
	known, isKnown := fixedOf(s.HTML)
	w, err := run("HTML", s.HTML, known, data)
	if err == nil && !isKnown { // html/template has changed its texts by now, and changes them no more
		keep(s.HTML, htmlPieces(s.HTML, s.own))
	}
	return w, err
}

// executor is a template of either package.
type executor interface {
	Execute(w io.Writer, data any) error
}

// run executes a template and looks at what no mail should show.
func run(kind string, t executor, known pieces, data any) (*message.TextBuilder, error) {
	w := watcher{isHTML: kind == "HTML", known: known}
	const usual, line = 512, 64
	if kind == "subject" {
		w.out.Grow(line)
	} else {
		w.out.Grow(usual)
	}
	err := t.Execute(&w, data)
	if err == nil {
		err = w.err
	}
	if err != nil {
		return nil, fmt.Errorf("%s template: %w", kind, err)
	}
	return &w.out, nil
}

// watcher collects what a template prints. The template packages write each value by itself, so that what they write in place of
// one is told from a user's text which has the same words among others; and each fixed text in the memory that the template
// keeps it in.
type watcher struct {
	out    message.TextBuilder
	known  pieces
	isHTML bool
	err    error
}

func (w *watcher) Write(p []byte) (int, error) {
	if fixed := w.known.find(p); fixed != nil {
		w.out.WriteFixed(fixed)
		return len(p), nil
	}
	switch {
	case string(p) == "<no value>", w.isHTML && string(p) == "&lt;no value&gt;":
		w.err = errNoValue
	case w.isHTML && (string(p) == "#ZgotmplZ" || string(p) == "ZgotmplZ"):
		w.err = errUnsafe
	}
	return w.out.Write(p)
}

var (
	errNoValue = errors.New("it prints <no value>: a value is nil; give one, or ask for it by {{with}} or {{if}}")
	errUnsafe  = errors.New("it prints #ZgotmplZ: html/template refused a value in an address or a style; " +
		"write {{cid .ID}} or {{dataURL .Type .Data}}, or give a template.URL or template.CSS that you trust")
)

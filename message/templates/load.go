package templates

import (
	"errors"
	"fmt"
	html "html/template"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	text "text/template"

	"github.com/depeche-mail/depeche/message"
)

// Library is the templates of a folder, by name. It is safe for concurrent use.
type Library struct{ sets map[string]*Set }

// Options of [Load]. The zero value is right for most programs.
type Options struct {
	// Funcs are further functions for all templates, by the names that templates call them. They win over ours.
	Funcs map[string]any
	// NoText leaves mails without plain text when they have no .txt file; otherwise it is made from the HTML.
	NoText bool
	// Images has the images that the HTML names by file, which become inline parts; nil embeds none.
	Images fs.FS
}

// Load reads the templates of a folder and of the folders in it. The mail "welcome" is up to three files:
//
//	welcome.subject   its subject, one line
//	welcome.txt       its text
//	welcome.html      its HTML
//
// Files whose names begin with _ are shared: {{template "button" .}} shows _button.html in HTML and _button.txt in texts,
// of the folder of the mail or of one above it; the nearest counts. _layout.html and _layout.txt, where they exist, are
// written around each mail, which they show by {{template "content" .}}. What a mail defines by {{define "title"}} its
// layout can show.
//
// Templates have two functions beside those of the standard library: {{cid "logo"}} is the address of an inline part, and
// {{dataURL "image/png" .Octets}} an image in the HTML itself. A key that a map has not got is an error of Apply.
// Conditional comments for Outlook, such as <!--[if mso]>, stay, and actions work in what they enclose; other comments
// are left out.
//
// The error joins one for each file that does not parse. A mail "orders/receipt" is in the folder orders. Other files are
// an error too, because a misspelt name would be a mail that is never found.
func Load(fsys fs.FS, o Options) (*Library, error) {
	l := loader{fsys: fsys, options: o, sources: map[string]string{}, mails: map[string]bool{}}
	if err := fs.WalkDir(fsys, ".", l.visit); err != nil {
		return nil, fmt.Errorf("templates: %w", err)
	}
	library := Library{sets: map[string]*Set{}}
	for _, name := range slices.Sorted(maps.Keys(l.mails)) {
		library.sets[name] = l.set(name)
	}
	if len(library.sets) == 0 && len(l.faults) == 0 {
		l.faults = append(l.faults, errors.New("templates: the folder has no .subject, .txt or .html file"))
	}
	if err := errors.Join(l.faults...); err != nil {
		return nil, err
	}
	return &library, nil
}

// Names returns the names of all mails, sorted.
func (l *Library) Names() []string { return slices.Sorted(maps.Keys(l.sets)) }

// Set returns the templates of a mail; ok is false without one of that name.
func (l *Library) Set(name string) (s Set, ok bool) {
	found, ok := l.sets[name]
	if ok {
		s = *found
	}
	return s, ok
}

// Apply runs the templates of a mail; see [Set.Apply].
func (l *Library) Apply(name string, b message.Builder, data any) (message.Builder, error) {
	s, ok := l.sets[name]
	if !ok {
		return message.Builder{}, fmt.Errorf("templates: no mail is called %q; there are %s", name, strings.Join(l.Names(), ", "))
	}
	b, err := s.Apply(b, data)
	if err != nil {
		return b, fmt.Errorf("%s: %w", name, err)
	}
	return b, nil
}

// New begins a message with what the templates of a mail make of data; the program adds who it is from and to. What goes
// wrong in a template is an error of Build, of the field "Template".
//
// Use Apply for a builder that has something already.
func (l *Library) New(name string, data any) message.Builder {
	b, err := l.Apply(name, message.New(), data)
	if err != nil {
		return message.New().Fault("Template", err)
	}
	return b
}

// loader holds the files of a folder while they become templates.
type loader struct {
	fsys    fs.FS
	options Options
	sources map[string]string // by path
	mails   map[string]bool   // by name
	faults  []error
}

func (l *loader) visit(name string, entry fs.DirEntry, err error) error {
	base := path.Base(name)
	switch {
	case err != nil:
		return err
	case entry.IsDir() && name != "." && strings.HasPrefix(base, "."): // of a system that mounts the folder, or of an editor
		return fs.SkipDir
	case entry.IsDir():
		return nil
	}
	extension := path.Ext(name)
	isShared := strings.HasPrefix(base, "_")
	switch {
	case strings.HasPrefix(base, "."):
		return nil // editors and systems leave such files
	case extension == ".html", extension == ".txt", extension == ".subject" && !isShared:
	default:
		l.faults = append(l.faults, fmt.Errorf("templates: %s: want a name that ends in .subject, .txt or .html; keep images and other files elsewhere", name))
		return nil
	}
	source, err := fs.ReadFile(l.fsys, name)
	l.sources[name] = string(source)
	if !isShared {
		l.mails[strings.TrimSuffix(name, extension)] = true
	}
	return err
}

// set parses the files of a mail.
func (l *loader) set(name string) *Set {
	s := &Set{NoText: l.options.NoText, Images: l.options.Images, own: true}
	if source, has := l.sources[name+".subject"]; has {
		s.Subject = l.text(name+".subject", source, false)
	}
	if source, has := l.sources[name+".txt"]; has {
		s.Text = l.text(name+".txt", source, true)
	}
	if source, has := l.sources[name+".html"]; has {
		s.HTML = l.html(name+".html", source)
	}
	return s
}

// shared returns the files that a mail shares: of each name the nearest.
func (l *loader) shared(mail, extension string) (names []string) {
	known := map[string]bool{}
	for folder := path.Dir(mail); ; folder = path.Dir(folder) {
		var here []string
		for name := range l.sources {
			isShared := path.Dir(name) == folder && path.Ext(name) == extension && strings.HasPrefix(path.Base(name), "_")
			if isShared && !known[path.Base(name)] {
				here = append(here, name)
			}
		}
		slices.Sort(here)
		for _, name := range here {
			known[path.Base(name)] = true
		}
		names = append(names, here...)
		if folder == "." {
			return names
		}
	}
}

// partName is how templates call a shared file: "button" for "shop/_button.html".
func partName(name string) string {
	return strings.TrimPrefix(strings.TrimSuffix(path.Base(name), path.Ext(name)), "_")
}

func (l *loader) text(name, source string, layout bool) *text.Template {
	set := text.New(name).Option("missingkey=error").Funcs(text.FuncMap(functions)).Funcs(l.options.Funcs)
	for _, part := range l.shared(name, ".txt") {
		_, err := set.New(partName(part)).Parse(l.sources[part])
		l.fault(part, err)
	}
	page := set.New("content")
	_, err := page.Parse(source)
	l.fault(name, err)
	if around := set.Lookup("layout"); layout && around != nil {
		return around
	}
	return page
}

func (l *loader) html(name, source string) *html.Template {
	var kept comments
	set := html.New(name).Option("missingkey=error").Funcs(html.FuncMap(functions)).Funcs(l.options.Funcs).Funcs(kept.functions())
	for _, part := range l.shared(name, ".html") {
		_, err := set.New(partName(part)).Parse(kept.hide(l.sources[part]))
		l.fault(part, err)
	}
	page := set.New("content")
	_, err := page.Parse(kept.hide(source))
	l.fault(name, err)
	if around := set.Lookup("layout"); around != nil {
		return around
	}
	return page
}

// fault notes once that a file does not parse: a shared one belongs to many mails.
func (l *loader) fault(name string, err error) {
	if err == nil {
		return
	}
	err = fmt.Errorf("templates: %s: %w", name, err)
	for _, known := range l.faults {
		if known.Error() == err.Error() {
			return
		}
	}
	l.faults = append(l.faults, err)
}

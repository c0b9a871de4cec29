// Package fill makes mails of templates and data.
package fill

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	html "html/template"
	"os"
	"path/filepath"
	"slices"
	"strings"
	text "text/template"

	"github.com/depeche-mail/depeche/message"
	"github.com/depeche-mail/depeche/message/templates"
)

// Kind is the templates of a kind of mail: NAME.subject, NAME.txt and NAME.html in one folder, each of them optional.
type Kind struct {
	Name string
	Set  templates.Set
	// Sample is what NAME.json holds, for a preview; nil when there is no such file.
	Sample any
}

// extensions are the endings of the files of a kind.
var extensions = []string{".subject", ".txt", ".html"}

// Load reads the templates of a kind by its path without an ending, such as "mails/welcome".
func Load(path string) (Kind, error) {
	k := Kind{Name: filepath.Base(path)}
	found := false
	for _, extension := range extensions {
		source, err := os.ReadFile(path + extension)
		switch {
		case errors.Is(err, os.ErrNotExist):
			continue
		case err != nil:
			return k, err
		}
		found = true
		if err := k.parse(extension, string(source)); err != nil {
			return k, err
		}
	}
	if !found {
		return k, fmt.Errorf("%s: there is none of %s.subject, %s.txt and %s.html", path, k.Name, k.Name, k.Name)
	}
	sample, err := os.ReadFile(path + ".json")
	if err == nil {
		k.Sample, err = ReadJSON(sample)
		if err != nil {
			err = fmt.Errorf("%s.json: %w", path, err)
		}
	} else if errors.Is(err, os.ErrNotExist) {
		err = nil
	}
	return k, err
}

// Inline makes a kind of templates that are given as text; empty ones are left out.
func Inline(subject, plain, rich string) (Kind, error) {
	k := Kind{Name: "mail"}
	for i, source := range []string{subject, plain, rich} {
		if source == "" {
			continue
		}
		if err := k.parse(extensions[i], source); err != nil {
			return k, err
		}
	}
	return k, nil
}

// parse reads one template. What a template asks for and the data do not have is an error, and not "<no value>".
func (k *Kind) parse(extension, source string) (err error) {
	name := k.Name + extension
	switch extension {
	case ".subject":
		k.Set.Subject, err = text.New(name).Option("missingkey=error").Parse(strings.TrimRight(source, "\r\n"))
	case ".txt":
		k.Set.Text, err = text.New(name).Option("missingkey=error").Parse(source)
	case ".html":
		k.Set.HTML, err = html.New(name).Option("missingkey=error").Parse(source)
	}
	return err
}

// Over returns the kind with the templates of another where that has some.
func (k Kind) Over(other Kind) Kind {
	if other.Set.Subject != nil {
		k.Set.Subject = other.Set.Subject
	}
	if other.Set.Text != nil {
		k.Set.Text = other.Set.Text
	}
	if other.Set.HTML != nil {
		k.Set.HTML = other.Set.HTML
	}
	return k
}

// Apply fills the templates.
func (k Kind) Apply(b message.Builder, data any) (message.Builder, error) {
	return k.Set.Apply(b, data)
}

// Names returns the kinds of a folder.
func Names(folder string) ([]string, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, entry := range entries {
		extension := filepath.Ext(entry.Name())
		name := strings.TrimSuffix(entry.Name(), extension)
		if !entry.IsDir() && slices.Contains(extensions, extension) && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names, nil
}

// ReadJSON reads data for templates. Numbers stay as they are written.
func ReadJSON(source []byte) (any, error) {
	var data any
	decoder := json.NewDecoder(bytes.NewReader(source))
	decoder.UseNumber()
	if err := decoder.Decode(&data); err != nil {
		return nil, err
	}
	if decoder.More() {
		return nil, errors.New("there is more than one JSON value")
	}
	return data, nil
}

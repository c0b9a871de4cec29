package templates_test

import (
	"fmt"
	"log"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/depeche-mail/depeche/message"
	"github.com/depeche-mail/depeche/message/eml"
	"github.com/depeche-mail/depeche/message/templates"
	"github.com/google/go-cmp/cmp"
)

func folder(files ...string) fstest.MapFS {
	fsys := fstest.MapFS{}
	for i := 0; i < len(files); i += 2 {
		fsys[files[i]] = &fstest.MapFile{Data: []byte(files[i+1])}
	}
	return fsys
}

// filled runs a mail of a folder, and returns subject, text and HTML.
func filled(t *testing.T, fsys fstest.MapFS, o templates.Options, name string, data any) []string {
	t.Helper()
	library, err := templates.Load(fsys, o)
	if err != nil {
		t.Fatal(err)
	}
	b, err := library.Apply(name, message.New().From("a@example.org").To("b@example.org"), data)
	if err != nil {
		t.Fatal(err)
	}
	return built(t, b)
}

func built(t *testing.T, b message.Builder) []string {
	t.Helper()
	msg, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	octets, err := msg.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := eml.Parse(strings.NewReader(string(octets)))
	if err != nil {
		t.Fatal(err)
	}
	content, err := parsed.Content()
	if err != nil {
		t.Fatal(err)
	}
	return []string{parsed.Subject(), content.Text, strings.TrimSuffix(content.HTML, "\n")}
}

func TestLoad(t *testing.T) {
	type m = map[string]any
	for name, c := range map[string]struct {
		files []string
		mail  string
		data  any
		want  []string
	}{
		"three files": {
			[]string{"a.subject", "Hello {{.Name}}\n", "a.txt", "Dear {{.Name}}\n", "a.html", "<p>Dear {{.Name}}</p>\n"},
			"a",
			m{"Name": "<Zoë>"},
			[]string{"Hello <Zoë>", "Dear <Zoë>\n", "<p>Dear &lt;Zoë&gt;</p>"},
		},
		"text from HTML": {
			[]string{"a.html", `<p>See <a href="{{.URL}}">this</a></p>`},
			"a",
			m{"URL": "https://example.org/"},
			[]string{"", "See this (https://example.org/)\n", `<p>See <a href="https://example.org/">this</a></p>`},
		},
		"layout, part and title": {
			[]string{
				"_layout.html", `<h1>{{block "title" .}}Shop{{end}}</h1>{{template "content" .}}`,
				"_layout.txt", "SHOP\n{{template \"content\" .}}-- \nbye\n",
				"_button.html", `<b>{{.}}</b>`,
				"a.html", `{{define "title"}}Order{{end}}<p>{{template "button" .N}}</p>`, "a.txt", "n {{.N}}\n",
			},
			"a",
			m{"N": 7},
			[]string{"", "SHOP\nn 7\n-- \nbye\n", "<h1>Order</h1><p><b>7</b></p>"},
		},
		"the nearest part counts": {
			[]string{"_x.txt", "far", "in/_x.txt", "near", "in/a.txt", `{{template "x"}}`},
			"in/a", nil,
			[]string{"", "near\n", ""},
		},
		"a mail without a title of its own": {
			[]string{"_layout.html", `{{block "title" .}}Shop{{end}}{{template "content"}}`, "a.html", `{{define "title"}}A{{end}}a`, "b.html", "b"},
			"b", nil,
			[]string{"", "Shopb\n", "Shopb"},
		},
		"a nearer part that is empty": {
			[]string{"_x.txt", "far", "in/_x.txt", "", "in/a.txt", `[{{template "x"}}]`},
			"in/a", nil,
			[]string{"", "[]\n", ""},
		},
		"folders of a system": {
			[]string{"a.txt", "a", "..2026/a.txt", "b", ".vscode/settings.json", "{}"},
			"a", nil,
			[]string{"", "a\n", ""},
		},
		"data that speak of templates": {
			[]string{"a.subject", "{{.}}", "a.txt", "{{.}}", "a.html", "<p>{{.}}</p>"},
			"a", "what is <no value> and #ZgotmplZ in Go?",
			[]string{"what is <no value> and #ZgotmplZ in Go?", "what is <no value> and #ZgotmplZ in Go?\n", "<p>what is &lt;no value&gt; and #ZgotmplZ in Go?</p>"},
		},
		"comments of Outlook": {
			[]string{"a.html", `<!-- gone --><!--[if mso]><table><tr><td>{{.}}<![endif]-->x<!--[if !mso]><!--><p>{{.}}</p><!--<![endif]-->`, "a.txt", "x"},
			"a", "<>",
			[]string{"", "x\n", `<!--[if mso]><table><tr><td>&lt;&gt;<![endif]-->x<!--[if !mso]><!--><p>&lt;&gt;</p><!--<![endif]-->`},
		},
		"addresses of images": {
			[]string{"a.html", `<img src="{{dataURL "image/png" .}}">`, "a.txt", "x"},
			"a", []byte("x"),
			[]string{"", "x\n", `<img src="data:image/png;base64,eA==">`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, filled(t, folder(c.files...), templates.Options{}, c.mail, c.data)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestLoadOptions(t *testing.T) {
	got := filled(t, folder("a.html", `{{shout "x"}}<img src="logo.png">`), templates.Options{
		NoText: true,
		Funcs:  map[string]any{"shout": strings.ToUpper},
		Images: folder("logo.png", "\x89PNG"),
	}, "a", nil)
	if diff := cmp.Diff([]string{"", "", `X<img src="cid:1.logo-png">`}, got); diff != "" {
		t.Error(diff)
	}
}

func TestLoadRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		files []string
		want  []string
	}{
		"no template":      {nil, []string{"no .subject, .txt or .html file"}},
		"an odd name":      {[]string{"a.htm", "", "b.txt", "b"}, []string{"a.htm", ".subject, .txt or .html"}},
		"two bad files":    {[]string{"a.html", "{{if}}", "b.txt", "{{"}, []string{"a.html", "b.txt"}},
		"a bad shared one": {[]string{"_x.html", "{{end}}", "a.html", "a", "b.html", "b"}, []string{"_x.html"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := templates.Load(folder(c.files...), templates.Options{})
			for _, want := range c.want {
				if err == nil || strings.Count(err.Error(), want) != 1 {
					t.Errorf("%v, expected %q once", err, want)
				}
			}
		})
	}
}

// TestNewCarriesFaults: what fails in a template is an error of Build, beside those of other steps.
func TestNewCarriesFaults(t *testing.T) {
	library, err := templates.Load(folder("x.subject", "Hello {{.Name}}", "x.txt", "Text"), templates.Options{})
	if err != nil {
		t.Fatal(err)
	}
	m, err := library.New("x", map[string]string{"Name": "Zoë"}).From("a@example.org").ToNamed("Hei, the first", "b@example.org").Build()
	if err != nil || m.Subject() != "Hello Zoë" || m.Envelope().At(0).Address.String() != "b@example.org" {
		t.Error(m, err)
	}
	for name, data := range map[string]map[string]string{"x": {}, "y": {"Name": "Zoë"}} {
		_, err := library.New(name, data).From("a@example.org").ToNamed("", "b@@example.org").Build()
		var fields []string
		for _, fault := range message.Faults(err) {
			fields = append(fields, fault.Field)
		}
		if !slices.Equal(fields, []string{"Template", "To"}) {
			t.Errorf("%s: the faults of %v in %v", name, fields, err)
		}
	}
}

// TestApplyRefuses holds that nothing goes out that a template could not fill.
func TestApplyRefuses(t *testing.T) {
	type m = map[string]any
	for name, c := range map[string]struct {
		file, source string
		data         any
		want         string
	}{
		"a missing key of a text":   {"a.txt", "{{.Nme}}", m{"Name": "x"}, "Nme"},
		"a missing key of HTML":     {"a.html", "{{.Nme}}", m{"Name": "x"}, "Nme"},
		"a missing key of subject":  {"a.subject", "{{.Nme}}", m{"Name": "x"}, "Nme"},
		"nil in a text":             {"a.txt", "{{.Name}}", m{"Name": nil}, "<no value>"},
		"nil in HTML":               {"a.html", "<p>{{.Name}}</p>", m{"Name": nil}, ""},
		"an address of code":        {"a.html", `<a href="{{.}}">`, "javascript:alert(1)", "#ZgotmplZ"},
		"cid: in data":              {"a.html", `<img src="{{.}}">`, "cid:logo", "{{cid .ID}}"},
		"not a Content-ID":          {"a.html", `<img src="{{cid .}}">`, "a b", "Content-ID"},
		"a data URL of a page":      {"a.html", `<img src="{{dataURL "text/html" .}}">`, []byte("x"), "type of an image"},
		"an image of another place": {"a.html", `<img src="../x.png">`, nil, "../x.png"},
		"a wrong field":             {"a.txt", "{{.Name}}", struct{}{}, "Name"},
	} {
		t.Run(name, func(t *testing.T) {
			library, err := templates.Load(folder(c.file, c.source), templates.Options{Images: folder()})
			if err != nil {
				t.Fatal(err)
			}
			b, err := library.Apply("a", message.New().From("a@example.org").To("b@example.org"), c.data)
			if c.want == "" { // html/template prints nothing for nil
				if got := built(t, b); err != nil || got[2] != "<p></p>" {
					t.Errorf("%q %v", got, err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "a: ") {
				t.Errorf("%v, expected %q", err, c.want)
			}
		})
	}
	library, err := templates.Load(folder("a.txt", "a", "b/c.txt", "c"), templates.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := library.Apply("x", message.New(), nil); err == nil || !strings.Contains(err.Error(), "a, b/c") {
		t.Error(err)
	}
}

func ExampleLoad() {
	files := folder(
		"_layout.html", `<h1>The shop</h1>{{template "content" .}}<img alt="Our house" src="house.png">`,
		"receipt.subject", `Receipt for order {{.Order}}`,
		"receipt.html", `<p>Dear {{.Name}}, thank you.</p>`,
	)
	mails, err := templates.Load(files, templates.Options{Images: folder("house.png", "\x89PNG")}) // often os.DirFS or an embed.FS
	if err != nil {
		log.Fatal(err)
	}
	msg, err := mails.New("receipt", map[string]any{"Order": 4711, "Name": "Zoë"}).
		From("shop@example.org").ToNamed("Zoë", "zoe@example.org").
		Build()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(msg.Subject())
	fmt.Println(mails.Names())
	// Output:
	// Receipt for order 4711
	// [receipt]
}

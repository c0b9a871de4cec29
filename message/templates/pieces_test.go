package templates_test

import (
	html "html/template"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	text "text/template"
	"time"

	"github.com/depeche-mail/depeche/message"
	"github.com/depeche-mail/depeche/message/templates"
	"github.com/google/go-cmp/cmp"
)

// snippets are of what templates and values are made: what changes the encoding, what HTML escapes, line ends.
var snippets = []string{
	"some words that stand there, ", "a line of some length, as texts have them\n", "<p style=\"margin:0\">a paragraph</p>\n", "Grüße\n", "日本語の本文。\n", "\r\n", "\n", " \n",
	"From here\n", ".", "=", "&amp;", "--=_\n", "\x01", strings.Repeat("a long line ", 100), strings.Repeat("日本語の本文。\n", 50), "a line of some length, as texts have them\n",
}

func snippet(random *rand.Rand, most int) string {
	var b strings.Builder
	odd := random.IntN(len(snippets)) + 1 // some texts are plain
	for range random.IntN(most) {
		b.WriteString(snippets[random.IntN(odd)])
	}
	return b.String()
}

// customer is what the random templates are executed with.
type customer struct {
	Name, Note string
	Is         bool
	Items      []string
}

func source(random *rand.Rand, depth int) string {
	var b strings.Builder
	for range random.IntN(6) + 1 {
		b.WriteString(snippet(random, 20))
		switch inner := random.IntN(7); {
		case inner < 2:
			b.WriteString("{{.Name}}")
		case inner == 2:
			b.WriteString("{{- .Note -}}")
		case depth == 0:
		case inner == 3:
			b.WriteString("{{if .Is}}" + source(random, depth-1) + "{{else}}" + source(random, depth-1) + "{{end}}")
		case inner == 4:
			b.WriteString("{{range .Items}}" + snippet(random, 20) + "{{.}}" + snippet(random, 20) + "{{end}}")
		case inner == 5:
			b.WriteString(`{{with .Note}}` + snippet(random, 20) + "{{end}}")
		case inner == 6:
			b.WriteString(`{{template "shared" .}}`)
		}
	}
	return b.String()
}

// TestTemplatesWriteTheSame: what templates make of random data has the octets of a message of the texts that they print, from the
// first time on, in many goroutines, and in both forks of a builder.
func TestTemplatesWriteTheSame(t *testing.T) {
	const rounds, goroutines = 80, 3
	for seed := range uint64(rounds) {
		random := rand.New(rand.NewPCG(8, seed))
		folder := fstest.MapFS{
			"m.txt": {Data: []byte(source(random, 2))}, "m.html": {Data: []byte(source(random, 2))},
			"_shared.txt": {Data: []byte(snippet(random, 30) + "{{.Name}}")}, "_shared.html": {Data: []byte(snippet(random, 30) + "{{.Name}}")},
		}
		library, err := templates.Load(folder, templates.Options{})
		if err != nil {
			t.Fatal(err)
		}
		loaded, _ := library.Set("m")
		literal := templates.Set{Text: loaded.Text, HTML: loaded.HTML}
		var group sync.WaitGroup
		for worker := range uint64(goroutines) {
			group.Go(func() {
				random := rand.New(rand.NewPCG(seed, worker))
				for i := range 4 {
					c := customer{Name: snippet(random, 3), Note: snippet(random, 4), Is: random.IntN(2) == 0, Items: []string{"one\n", snippet(random, 3)}}
					set := literal
					if i%2 == 0 {
						set = loaded
					}
					if diff := compare(set, c); diff != "" {
						t.Errorf("seed %d: (-plain +templates):\n%s", seed, diff)
						return
					}
				}
			})
		}
		if group.Wait(); t.Failed() {
			return
		}
	}
}

// compare says in what mails differ that a set and a plain program make for a customer.
func compare(set templates.Set, c customer) string {
	var plain, page strings.Builder
	if err := set.Text.Execute(&plain, c); err != nil {
		return err.Error()
	}
	if err := set.HTML.Execute(&page, c); err != nil {
		return err.Error()
	}
	want := octetsOf(begin().Text(plain.String()).HTML(page.String()))
	b, err := set.Apply(begin(), c)
	if err != nil {
		return err.Error()
	}
	fork := b.Clone()
	return cmp.Diff([]string{want, want}, []string{octetsOf(b), octetsOf(fork)})
}

func begin() message.Builder {
	return message.New().From("a@example.org").To("b@example.org").Subject("x").Date(time.Unix(1e9, 0)).
		MessageID("1@example.org").Random(zeros{})
}

// zeros is a source of no randomness.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func octetsOf(b message.Builder) string {
	m, err := b.Build()
	if err != nil {
		return err.Error()
	}
	octets, err := m.Bytes()
	if err != nil {
		return err.Error()
	}
	return string(octets)
}

// allocated returns how many octets do allocates.
func allocated(do func()) uint64 {
	const times = 50
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range times {
		do()
	}
	runtime.ReadMemStats(&after)
	return (after.TotalAlloc - before.TotalAlloc) / times
}

// TestFixedPartsAreShared: mails of a template share what is the same in them, also what stands in a layout and in shared files.
func TestFixedPartsAreShared(t *testing.T) {
	paragraphs := []byte(strings.Repeat("<p>Grüße an alle, die das lesen.</p>\n", 500))
	library, err := templates.Load(fstest.MapFS{
		"m.html": {Data: append([]byte("<p>Dear {{.Name}},\n"), paragraphs...)}, "_layout.html": {Data: []byte(`<html>{{template "content" .}}{{template "foot" .}}</html>`)},
		"_foot.html": {Data: paragraphs},
	}, templates.Options{NoText: true})
	if err != nil {
		t.Fatal(err)
	}
	literal := templates.Set{
		Text: text.Must(text.New("").Parse("Dear {{.Name}},\n" + string(paragraphs))),
		HTML: html.Must(html.New("").Parse("<p>Dear {{.Name}},\n" + string(paragraphs))),
	}
	loaded, _ := library.Set("m")
	for name, set := range map[string]templates.Set{"folder": loaded, "literal": literal} {
		mail := func() {
			b, err := set.Apply(message.New().From("a@example.org").To("b@example.org"), customer{Name: "Zoë"})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := b.Build(); err != nil {
				t.Fatal(err)
			}
		}
		mail() // from the second one on they are known
		mail()
		const most = 16 << 10 // the page has more than 36 KiB, once encoded
		if each := allocated(mail); each > most {
			t.Errorf("%s: %d octets a mail, at most %d", name, each, most)
		}
	}
}

package depeche_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/internal/docsnippet"
)

// TestSnippets holds that the Go code of the README and of all pages compiles with the packages of today.
func TestSnippets(t *testing.T) { docsnippet.Run(t, ".", "", 20) }

var (
	span         = regexp.MustCompile("`([^`\n]+)`")
	fence        = regexp.MustCompile("(?s)```.*?```")
	spanName     = regexp.MustCompile(`^(?:[a-z]+\.)?([A-Z][A-Za-z0-9]*[a-z][A-Za-z0-9]*)(?:\.([A-Z]\w*))?(?:$|[({ ])`)
	exportedName = regexp.MustCompile(`\b[A-Z]\w*`)
	testFunc     = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Benchmark)\w+)\(`)
)

// TestNamesInPages holds that a name of Go in a page's text is one that the module exports, or one of its tests.
func TestNamesInPages(t *testing.T) {
	known := map[string]bool{
		"SessionTicketsDisabled": true, "InsecureSkipVerify": true, // of crypto/tls
		"Dial": true, "DialAndSend": true, "SendMail": true, // of the libraries that the guides are about
		"SetBodyTextTemplate": true, "SetHeader": true,
	}
	api, err := os.ReadFile("api.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range exportedName.FindAllString(string(api), -1) {
		known[name] = true
	}
	learn := func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(name, ".go") {
			return err
		}
		source, err := os.ReadFile(name)
		if strings.HasSuffix(name, "_test.go") {
			for _, test := range testFunc.FindAllSubmatch(source, -1) {
				known[string(test[1])] = true
			}
		} else if isNested := !strings.Contains(string(api), filepath.ToSlash(filepath.Dir(name))+": "); isNested {
			for _, word := range exportedName.FindAll(source, -1) {
				known[string(word)] = true
			}
		}
		return err
	}
	if err := filepath.WalkDir(".", learn); err != nil {
		t.Fatal(err)
	}
	pages, err := filepath.Glob("docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	guides, err := filepath.Glob("docs/migration/*.md")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, page := range append(append(pages, guides...), "README.md", "SECURITY.md") {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, code := range span.FindAllStringSubmatch(fence.ReplaceAllString(string(text), ""), -1) {
			parts := spanName.FindStringSubmatch(code[1])
			if parts == nil {
				continue
			}
			for _, name := range parts[1:] {
				if name == "" {
					continue
				}
				found++
				if !known[name] {
					t.Errorf("%s: `%s`: nothing is called %s", page, code[1], name)
				}
			}
		}
	}
	if found < 200 {
		t.Errorf("%d names found", found)
	}
}

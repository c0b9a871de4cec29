package docsnippet

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// marks tell which module compiles a block; without one it is the core. Blocks of other libraries show what a program had
// before it came here, and are compiled by the comparison, which has them all.
var marks = []struct{ module, text string }{
	{"otel", "otel.New"},
	{"ledger/bolt", "depeche/ledger/bolt"},
	{"queue/bolt", "depeche/queue/bolt"},
	{"queue/jetstream", "depeche/queue/jetstream"},
	{"queue/river", "depeche/queue/river"},
	{"bench", "// net/smtp\n"},
	{"bench", "// gopkg.in/gomail.v2\n"},
	{"bench", "// github.com/wneessen/go-mail\n"},
}

// Run checks all pages of the project whose root is in root, and there the blocks of the module that is in the current
// folder: module is its path from the root, or "" for the core. It fails when it finds fewer than least blocks.
func Run(t *testing.T, root, module string, least int) {
	t.Helper()
	given, err := os.ReadFile(filepath.Join(root, "testdata/given.go.txt"))
	if err != nil {
		t.Fatal(err)
	}
	checker, err := NewChecker(".", string(given))
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/*/*.md"} {
		pages, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, page := range pages {
			snippets, err := Find(page)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range snippets {
				if moduleOf(s.Code) != module {
					continue
				}
				checked++
				if err := checker.Check(s, "github.com/depeche-mail/depeche/"+module, strings.TrimPrefix(firstLine(s.Code), "// ")); err != nil {
					t.Errorf("%s:%d does not compile:\n%v", s.Page, s.Line, err)
				}
			}
		}
	}
	if checked < least {
		t.Errorf("%d blocks of Go code in the pages, expected at least %d", checked, least)
	}
}

func moduleOf(code string) string {
	for _, mark := range marks {
		if strings.Contains(code, mark.text) {
			return mark.module
		}
	}
	return ""
}

// firstLine may be a comment that names the package that a block is about.
func firstLine(code string) string {
	line, _, _ := strings.Cut(code, "\n")
	return line
}

package docsnippet

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCheck(t *testing.T) {
	checker, err := NewChecker("../..", "package page\n\nvar mail int\n")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ code, fault string }{
		"a body":               {"b := message.New().Subject(\"x\")\n...\n_, err := b.Build()", ""},
		"a declaration":        {"func f(b message.Builder) {}", ""},
		"a file":               {"package main\n\nimport \"fmt\"\n\nfunc main() { fmt.Println() }", ""},
		"values left out":      {"x := message.Mailbox{Name: ..., Address: ...}", "nil"},
		"a name that is gone":  {"message.Bytes(nil)", "undefined: message.Bytes"},
		"a method that is not": {"message.New().Subjekt(\"x\")", "Subjekt"},
		"not Go":               {"if {", "missing condition"},
		"a given variable":     {"mail++", ""},
	} {
		t.Run(name, func(t *testing.T) {
			err := checker.Check(Snippet{Page: "p.md", Line: 7, Code: c.code + "\n"})
			switch {
			case c.fault == "" && err != nil:
				t.Error(err)
			case c.fault != "" && (err == nil || !strings.Contains(err.Error(), c.fault)):
				t.Errorf("%v, expected %q in it", err, c.fault)
			}
		})
	}
}

func TestFind(t *testing.T) {
	page := filepath.Join(t.TempDir(), "p.md")
	if err := os.WriteFile(page, []byte("a\n```go\nx := 1\n```\n```sh\nls\n```\n```go\ny\n```\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	found, err := Find(page)
	if err != nil || len(found) != 2 || found[0].Line != 3 || found[0].Code != "x := 1\n" || found[1].Line != 9 {
		t.Errorf("%v %v", found, err)
	}
}

package main

import (
	"os"
	"strings"
	"testing"
	"testing/fstest"
)

// TestCatalogFitsTheCode: each fault can still be put into the code. A change that moves a line carries its fault over.
func TestCatalogFitsTheCode(t *testing.T) {
	list, err := catalog(os.DirFS("catalog"))
	if err != nil {
		t.Fatal(err)
	}
	const least = 200
	if len(list) < least {
		t.Errorf("%d mutants, want at least %d", len(list), least)
	}
	tree := os.DirFS("../..")
	for _, m := range list {
		if _, err := m.apply(tree); err != nil {
			t.Error(err)
		}
	}
}

func TestCatalogRefuses(t *testing.T) {
	const good = "== a\nfile: x.go\n-- old\nb\n-- new\nc\n"
	for name, tc := range map[string]struct{ text, want string }{
		"twice":     {good + good, "twice"},
		"no old":    {"== a\nfile: x.go\n-- new\nc\n", "-- old"},
		"no new":    {"== a\nfile: x.go\n-- old\nc\n", "-- new"},
		"no file":   {"== a\n-- old\nb\n-- new\nc\n", "want a file"},
		"no change": {"== a\nfile: x.go\n-- old\nb\n-- new\nb\n", "another new one"},
		"elsewhere": {"== a\nfile: x/x.go\nmodule: y\n-- old\nb\n-- new\nc\n", "want a test"},
		"odd line":  {"== a\nfil: x.go\n-- old\nb\n-- new\nc\n", "unknown line"},
	} {
		if _, err := catalog(fstest.MapFS{"x.txt": {Data: []byte(tc.text)}}); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want it to say %q", name, err, tc.want)
		}
	}
	list, err := catalog(fstest.MapFS{"x.txt": {Data: []byte(good)}})
	if err != nil || len(list) != 1 || list[0].old != "b" || list[0].new != "c" || list[0].tests[0] != "./." {
		t.Errorf("%+v, %v", list, err)
	}
	nested, err := parse("b\nfile: x/y/z/b.go\nmodule: x/y\n-- old\nb\n-- new\nc\n")
	if err != nil || nested.module != "x/y" || nested.tests[0] != "./z" {
		t.Errorf("%+v, %v", nested, err)
	}
	if _, err := list[0].apply(fstest.MapFS{"x.go": {Data: []byte("b b")}}); err == nil {
		t.Error("a text that occurs twice was replaced")
	}
}

package depeche_test

import (
	"cmp"
	"flag"
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	gocmp "github.com/google/go-cmp/cmp"
)

var updateRFC = flag.Bool("update-rfc", false, "write docs/rfc.md anew")

const rfcPage = "docs/rfc.md"

// mark is a place in the standards that a comment cites: "RFC 5321 section 4.5.2".
type mark struct {
	rfc     int
	section string // "" for the RFC as a whole
}

// TestRFCPage holds that the page about the standards says what the comments say, so that a reader can
// go from a section to the code and the page need not be kept by hand.
func TestRFCPage(t *testing.T) {
	marks, err := collectMarks(os.DirFS("."))
	if err != nil {
		t.Fatal(err)
	}
	page, err := renderMarks(marks)
	if err != nil {
		t.Fatal(err)
	}
	if *updateRFC {
		if err := os.WriteFile(rfcPage, []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(rfcPage)
	if err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff(page, string(have)); diff != "" {
		t.Errorf("%s is stale, run: go test -run TestRFCPage -update-rfc .\n%s", rfcPage, diff)
	}
}

// collectMarks returns the packages that cite each mark in one of their comments, tests left out.
func collectMarks(tree fs.FS) (map[mark][]string, error) {
	marks := map[mark][]string{}
	err := fs.WalkDir(tree, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && name != "." && (strings.HasPrefix(entry.Name(), ".") || entry.Name() == "testdata"):
			return fs.SkipDir
		case path.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		source, err := fs.ReadFile(tree, name)
		if err != nil {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, source, parser.ParseComments)
		if err != nil {
			return err
		}
		for _, group := range file.Comments {
			for _, m := range cited(group.Text()) {
				if !slices.Contains(marks[m], path.Dir(name)) {
					marks[m] = append(marks[m], path.Dir(name))
				}
			}
		}
		return nil
	})
	return marks, err
}

var citation = regexp.MustCompile(`RFC (\d{3,5})(?: sections? (\d+(?:\.\d+)*(?:(?:, | and )\d+(?:\.\d+)*)*))?`)

// cited returns the marks of one comment.
func cited(text string) []mark {
	var list []mark
	for _, m := range citation.FindAllStringSubmatch(strings.Join(strings.Fields(text), " "), -1) {
		rfc, _ := strconv.Atoi(m[1]) // cannot fail: the pattern asks for digits
		for section := range strings.SplitSeq(strings.ReplaceAll(m[2], " and ", ", "), ", ") {
			list = append(list, mark{rfc, section})
		}
	}
	return list
}

// renderMarks returns the page: one table for each RFC, one row for each section.
func renderMarks(marks map[mark][]string) (string, error) {
	var b strings.Builder
	b.WriteString("# Standards\n\nWhich package cites which section of which RFC, collected from the comments by\n" +
		"`go test -run TestRFCPage -update-rfc .`; the same test fails while this page is stale.\n")
	last := 0
	for _, m := range slices.SortedFunc(maps.Keys(marks), compareMarks) {
		title, known := rfcTitles[m.rfc]
		if !known {
			return "", fmt.Errorf("%v cite RFC %d, which has no title in rfc_titles_test.go", marks[m], m.rfc)
		}
		if m.rfc != last {
			fmt.Fprintf(&b, "\n## RFC %d: %s\n\n| section | packages |\n| --- | --- |\n", m.rfc, title)
			last = m.rfc
		}
		fmt.Fprintf(&b, "| %s | %s |\n", cmp.Or(m.section, "in general"), strings.Join(slices.Sorted(slices.Values(marks[m])), ", "))
	}
	return b.String(), nil
}

// compareMarks sorts by RFC and by the numbers of the section.
func compareMarks(a, b mark) int {
	numbers := func(section string) []int {
		var list []int
		for part := range strings.SplitSeq(section, ".") {
			n, _ := strconv.Atoi(part)
			list = append(list, n)
		}
		return list
	}
	return cmp.Or(cmp.Compare(a.rfc, b.rfc), slices.Compare(numbers(a.section), numbers(b.section)))
}

func TestRFCPageSeesMarks(t *testing.T) {
	marks, err := collectMarks(fstest.MapFS{
		"a/a.go":            {Data: []byte("package a\n\n// f does it (RFC 5321 section\n// 4.10, RFC 7504 sections 3 and 4).\nfunc f() {} // RFC 6531\n\nvar s = \"RFC 1 section 1\"\n")},
		"b/b.go":            {Data: []byte("package b // RFC 5321 section 4.9.\n// RFC 5321 section 4.10\n")},
		"b/b_test.go":       {Data: []byte("package b // RFC 9999\n")},
		"b/testdata/bad.go": {Data: []byte("not Go")},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := map[mark][]string{
		{5321, "4.10"}: {"a", "b"}, {5321, "4.9"}: {"b"}, {6531, ""}: {"a"}, {7504, "3"}: {"a"}, {7504, "4"}: {"a"},
	}
	if diff := gocmp.Diff(want, marks, gocmp.AllowUnexported(mark{})); diff != "" {
		t.Error(diff)
	}
	page, err := renderMarks(marks)
	if err != nil || strings.Index(page, "| 4.9 | b |") > strings.Index(page, "| 4.10 | a, b |") || !strings.Contains(page, "| in general | a |") {
		t.Errorf("%v\n%s", err, page)
	}
	if _, err := renderMarks(map[mark][]string{{9999, ""}: {"x"}}); err == nil {
		t.Error("an RFC without title was taken")
	}
}

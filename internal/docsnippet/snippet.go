// Package docsnippet checks the Go code that stands in pages of the documentation: that each block compiles against the
// packages of today. It serves tests only.
package docsnippet

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// Snippet is one block of Go code of a page.
type Snippet struct {
	Page string // its path
	Line int    // of the first line of code
	Code string
}

// Find returns the blocks of Go code of a page in Markdown.
func Find(page string) ([]Snippet, error) {
	text, err := os.ReadFile(page)
	if err != nil {
		return nil, err
	}
	var found []Snippet
	inside := false
	for i, line := range strings.Split(string(text), "\n") {
		switch {
		case !inside && strings.HasPrefix(strings.TrimSpace(line), "```go"):
			inside = true
			found = append(found, Snippet{Page: filepath.ToSlash(page), Line: i + 2})
		case strings.HasPrefix(strings.TrimSpace(line), "```"):
			inside = false
		case inside:
			last := &found[len(found)-1]
			last.Code += line + "\n"
		}
	}
	return found, nil
}

var (
	elidedLine  = regexp.MustCompile(`(?m)^[ \t]*\.\.\.[ \t]*$`)
	elidedValue = regexp.MustCompile(`: \.\.\.([,}])`)
)

// sources are the ways in which a block can be a file: as it is, as declarations, or as the body of a function. Three
// dots in a line or value of their own stand for what the page leaves out.
func (s Snippet) sources() []string {
	code := elidedValue.ReplaceAllString(elidedLine.ReplaceAllString(s.Code, ""), ": nil$1")
	place := fmt.Sprintf("//line %s:%d\n", s.Page, s.Line)
	return []string{
		place + code,
		"package page\n" + place + code,
		"package page\nfunc _() error {\n" + place + code + "\npanic(0)\n}\n",
	}
}

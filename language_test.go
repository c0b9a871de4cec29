package depeche_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"regexp"
	"strings"
	"testing"
)

// unclear are words that hide who does something, where something is, or what it is. They are fine English, and hard
// for readers whose first language is another one. The right-hand side says what to write.
var unclear = map[string]string{
	`nobody|no one`:                                        "name the actor: no caller, no server",
	`somebody|someone|anybody|anyone`:                      "name the actor: the caller, a server, an attacker",
	`whoever|everybody|everyone`:                           "name the actors: each caller, all recipients",
	`behind|in front of`:                                   "after, before, following",
	`(is|are|was|were) none`:                               `"is not a ..." or "there is no ..."`,
	`(is|are) no (?:good )?[a-z]+`:                         "say what it is; there is no ..., is not a ...",
	`his|him|her|hers`:                                     "name the program or the person again",
	`(?:as|of|by) theirs|the owner's|the relay's own word`: "name what belongs to whom",
	`had the last word|has the last word`:                  "made the final attempt",
}

// allowed are phrases with such words that say plainly what they mean.
var allowed = regexp.MustCompile(`(?i:there (?:is|are|was|were) (?:no|none))|(?i:is no and)|(?i:programs compose theirs)|(?i:(?:no|some|any)body@)|NoBody|is no longer`)

// maxUnclear is how many of them there may be. It only falls.
const maxUnclear = 0

// TestPlainLanguage counts the unclear words in comments, in prose of pages and in texts of errors. Code, addresses and
// quotations do not count.
func TestPlainLanguage(t *testing.T) {
	words := map[*regexp.Regexp]string{}
	for word, instead := range unclear {
		words[regexp.MustCompile(`(?i)\b(?:`+word+`)\b`)] = instead
	}
	found := 0
	look := func(place, text string) {
		text = allowed.ReplaceAllString(quoted.ReplaceAllString(text, " "), " ")
		for word, instead := range words {
			for _, hit := range word.FindAllString(text, -1) {
				found++
				if found <= 40 || os.Getenv("DEPECHE_WORDS") != "" {
					t.Logf("%s: %q: %s", place, hit, instead)
				}
			}
		}
	}
	err := fs.WalkDir(os.DirFS("."), ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && name != "." && (strings.HasPrefix(entry.Name(), ".") || entry.Name() == "testdata" || entry.Name() == "node_modules"):
			return fs.SkipDir
		case path.Ext(name) == ".go":
			return lookAtGo(name, look)
		case path.Ext(name) == ".md":
			page, err := os.ReadFile(name)
			if err == nil {
				look(name, fenced.ReplaceAllString(string(page), ""))
			}
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d unclear words", found)
	if found > maxUnclear {
		t.Errorf("%d unclear words, at most %d: write plain sentences that name the actor", found, maxUnclear)
	}
}

var (
	fenced = regexp.MustCompile("(?s)```.*?```")
	quoted = regexp.MustCompile("`[^`\n]*`|\"[^\"\n]*\"|[a-z0-9.]+@[a-z0-9.]+")
)

// lookAtGo looks at the comments of a file, and at the texts of errors where it is not a test.
func lookAtGo(name string, look func(place, text string)) error {
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, name, nil, parser.ParseComments)
	if err != nil {
		return err
	}
	place := func(at token.Pos) string { return fmt.Sprintf("%s:%d", name, files.Position(at).Line) }
	for _, group := range file.Comments {
		for _, comment := range group.List {
			text := strings.TrimPrefix(comment.Text, "//")
			if strings.HasPrefix(text, "\t") || strings.HasPrefix(text, "  ") { // code
				continue
			}
			look(place(comment.Pos()), text)
		}
	}
	if strings.HasSuffix(name, "_test.go") {
		return nil
	}
	ast.Inspect(file, func(n ast.Node) bool {
		if text, ok := n.(*ast.BasicLit); ok && text.Kind == token.STRING && strings.Contains(text.Value, " ") {
			look(place(text.Pos()), strings.Trim(text.Value, "\"`"))
		}
		return true
	})
	return nil
}

package depeche_test

import (
	"io/fs"
	"os"
	"path"
	"regexp"
	"strings"
	"testing"
)

var link = regexp.MustCompile(`\]\(([^)#\s]+)`)

// TestLinks follows the relative links of all pages.
func TestLinks(t *testing.T) {
	tree, followed := os.DirFS("."), 0
	err := fs.WalkDir(tree, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && name != "." && strings.HasPrefix(entry.Name(), "."):
			return fs.SkipDir
		case path.Ext(name) != ".md":
			return nil
		}
		page, err := fs.ReadFile(tree, name)
		if err != nil {
			return err
		}
		for _, match := range link.FindAllSubmatch(page, -1) {
			target := string(match[1])
			if strings.Contains(target, "://") {
				continue
			}
			followed++
			if _, err := fs.Stat(tree, path.Join(path.Dir(name), target)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if followed == 0 {
		t.Error("found no links")
	}
}

package depeche_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// testLink is a link whose text is the name of a test and whose target is the file of it.
var testLink = regexp.MustCompile(`\[(Test\w+)\]\(([\w/]+_test\.go)\)`)

// TestSecurityPage holds that each promise of SECURITY.md names at least one test, and that every test it
// names is where the link leads.
func TestSecurityPage(t *testing.T) {
	page, err := os.ReadFile("SECURITY.md")
	if err != nil {
		t.Fatal(err)
	}
	_, promises, found := strings.Cut(string(page), "## What the library promises\n")
	promises, _, ended := strings.Cut(promises, "\n## ")
	if !found || !ended {
		t.Fatal("SECURITY.md has no section with promises")
	}
	for _, promise := range strings.Split(promises, "\n- ")[1:] {
		links := testLink.FindAllStringSubmatch(promise, -1)
		if len(links) == 0 {
			t.Errorf("no test holds this promise: %s", promise)
		}
		for _, link := range links {
			source, err := os.ReadFile(link[2])
			if err != nil {
				t.Error(err)
			} else if !strings.Contains(string(source), "\nfunc "+link[1]+"(t *testing.T) {") {
				t.Errorf("%s has no %s", link[2], link[1])
			}
		}
	}
}

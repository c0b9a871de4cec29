package depeche_test

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// TestChangelog: a release has each heading once and says nothing twice, as a merge could have it.
func TestChangelog(t *testing.T) {
	text, err := os.ReadFile("CHANGELOG.md")
	if err != nil {
		t.Fatal(err)
	}
	const beginning = 60 // octets of a line that tell it from all others
	headings := []string{"### Added", "### Changed", "### Deprecated", "### Removed", "### Fixed", "### Security"}
	releases := strings.Split(string(text), "\n## ")
	for _, release := range releases[1:] {
		name, _, _ := strings.Cut(release, "\n")
		seen := map[string]bool{}
		for line := range strings.Lines(release) {
			line = strings.TrimSpace(line)
			isHeading := strings.HasPrefix(line, "#")
			if isHeading && !slices.Contains(headings, line) {
				t.Errorf("%s: there is no heading %q", name, line)
			}
			if !isHeading && len(line) < beginning {
				continue
			}
			line = line[:min(len(line), beginning)]
			if seen[line] {
				t.Errorf("%s: %q stands there twice", name, line)
			}
			seen[line] = true
		}
	}
}

package smtp

import (
	"flag"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var updateSettings = flag.Bool("update-settings", false, "write the tables of docs/urls.md and docs/configuration.md anew")

// TestSettingsPages: the table of keys and the table of steps say what the one list of settings says.
func TestSettingsPages(t *testing.T) {
	for name, table := range map[string]string{
		"../../docs/urls.md":          tableOfKeys(),
		"../../docs/configuration.md": tableOfSteps(),
	} {
		page, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		const begin, end = "<!-- written by TestSettingsPages -->\n", "<!-- end -->\n"
		head, rest, ok := strings.Cut(string(page), begin)
		have, tail, closed := strings.Cut(rest, end)
		if !ok || !closed {
			t.Fatalf("%s: want a line %s and after it a line %s", name, begin, end)
		}
		if *updateSettings {
			if err := os.WriteFile(name, []byte(head+begin+table+end+tail), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if diff := cmp.Diff(table, have); diff != "" {
			t.Errorf("%s is stale, run: go test ./transport/smtp -run TestSettingsPages -update-settings\n%s", name, diff)
		}
	}
}

// tableOfKeys is for readers who write a URL.
func tableOfKeys() string {
	var b strings.Builder
	b.WriteString("| key | value | default |\n|---|---|---|\n")
	for _, x := range settings {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", x.key, x.value, x.unset)
	}
	return b.String()
}

// tableOfSteps is for readers who know the steps of a Builder.
func tableOfSteps() string {
	var b strings.Builder
	b.WriteString("| step | field of `smtp.Config` | key of a URL and of JSON and YAML |\n|---|---|---|\n")
	sorted := slices.Clone(settings)
	slices.SortStableFunc(sorted, func(a, b setting) int { return strings.Compare(a.step, b.step) })
	for _, x := range sorted {
		field := ""
		for f := range reflect.TypeFor[Config]().Fields() {
			if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name == x.key {
				field = "`" + f.Name + "`"
			}
		}
		if x.key == opportunistic {
			field = "`Security`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | `%s` |\n", x.step, field, x.key)
	}
	return b.String()
}

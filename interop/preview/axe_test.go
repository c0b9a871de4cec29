package preview_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/depeche-mail/depeche/interop/chromium"
)

// axeCore installs axe-core from npm, and returns its script.
func axeCore(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	install := exec.CommandContext(t.Context(), "npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", folder, "axe-core@4.10.2")
	if out, err := install.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	script, err := os.ReadFile(filepath.Join(folder, "node_modules", "axe-core", "axe.min.js"))
	if err != nil {
		t.Fatal(err)
	}
	return string(script)
}

// violations fails the test with each rule that axe-core finds broken on a page. It does not look into the mail.
func violations(t *testing.T, tab *chromium.Tab, axe string) {
	t.Helper()
	tab.Evaluate(t, axe+"\n; 0", nil)
	tab.Evaluate(t, `window.found = null; axe.run(document, {iframes: false}).then(r => { window.found = r.violations.map(v => v.id + ": " + v.nodes.map(n => n.html + " " + n.failureSummary).join(" | ")); window.passed = r.passes.length }); 0`, nil)
	tab.Until(t, `Array.isArray(window.found)`)
	var found []string
	var passed int
	tab.Evaluate(t, "window.found", &found)
	tab.Evaluate(t, "window.passed", &passed)
	for _, rule := range found {
		t.Errorf("axe: %s", rule)
	}
	if passed < 10 {
		t.Errorf("axe looked at %d rules only", passed)
	}
}

package page_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/depeche-mail/depeche/internal/page"
	"github.com/google/go-cmp/cmp"
)

// TestFill: what is around the marks of a command stays.
func TestFill(t *testing.T) {
	const command = "make it"
	path := filepath.Join(t.TempDir(), "page.md")
	if err := os.WriteFile(path, []byte("before\n"+page.Begin(command)+"old\n"+page.End(command)+"after\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := page.Fill(path, command, "new\n"); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path)
	if diff := cmp.Diff("before\n"+page.Begin(command)+"new\n"+page.End(command)+"after\n", string(got)); diff != "" || err != nil {
		t.Errorf("(-want +got), %v:\n%s", err, diff)
	}
	if err := page.Fill(path, "make another", "new\n"); err == nil {
		t.Error("a page without the marks passed")
	}
}

func TestFigures(t *testing.T) {
	for nanoseconds, want := range map[float64]string{12: "12 ns", 1234: "1.2 µs", 123_456: "123 µs", 98_765_432: "98.8 ms", 2e9: "2000 ms"} {
		if got := page.Duration(nanoseconds); got != want {
			t.Errorf("%v: %s, want %s", nanoseconds, got, want)
		}
	}
	if odd, even := page.Median([]float64{9, 1, 2}), page.Median([]float64{1, 4, 2, 9}); odd != 2 || even != 3 {
		t.Errorf("%v and %v, want 2 and 3", odd, even)
	}
}

package main

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/internal/page"
)

// TestTable: times and ratios are medians, the ratios within a round; a job that no benchmark measured is an error.
func TestTable(t *testing.T) {
	var rounds []results
	for _, text := range []string{
		"cpu: x\nBenchmarkA/near_in_TLS/net/smtp-2 \t 10\t 900 ns/op\t 1.0 x\t 5 B/op\t 7 allocs/op\n" +
			"BenchmarkA/near_in_TLS/limit-2 10 100 ns/op\nBenchmarkA/near_in_TLS/ours,_window_64-2 10 200 ns/op 3 allocs/op\n",
		"BenchmarkA/near_in_TLS/net/smtp 10 9000000 ns/op\nBenchmarkA/near_in_TLS/limit 10 20000 ns/op\nBenchmarkA/near_in_TLS/ours,_window_64 10 90000 ns/op 3 allocs/op\n",
		"BenchmarkA/near_in_TLS/net/smtp 10 12345 ns/op\nBenchmarkA/near_in_TLS/limit 10 1234 ns/op\nBenchmarkA/near_in_TLS/ours,_window_64 10 2468 ns/op 3 allocs/op\n",
	} {
		found := results{}
		found.read(text)
		rounds = append(rounds, found)
	}
	job := row{"a job", "A/near in TLS", "net/smtp", "limit", "ours, window 64"}
	table, err := render([]row{job}, rounds)
	if err != nil {
		t.Fatal(err)
	}
	const want = "| a job | net/smtp, 12.3 µs | 1.2 µs | 2.5 µs | 5.0 | 0.50 | 3 |"
	if !strings.Contains(table, want) {
		t.Errorf("%s\nwant in it\n%s", table, want)
	}
	job.ours = "other"
	if _, err := render([]row{job}, rounds); err == nil {
		t.Error("a job without a result passed")
	}
}

// TestRows: each job is measured by a benchmark that a suite runs, and the page has both marks.
func TestRows(t *testing.T) {
	for _, r := range rows {
		name, _, _ := strings.Cut(r.of, "/")
		runs := 0
		for _, s := range suites {
			if regexp.MustCompile(s.benchmarks).MatchString("Benchmark" + name) {
				runs++
			}
		}
		if runs != 1 {
			t.Errorf("%s: %d suites run Benchmark%s", r.job, runs, name)
		}
	}
	text, err := os.ReadFile("../../docs/performance.md")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Count(string(text), page.Begin(command)) != 1 || strings.Count(string(text), page.End(command)) != 1 {
		t.Error("docs/performance.md has not got each mark once")
	}
}

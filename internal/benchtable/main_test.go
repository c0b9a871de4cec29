package main

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestTable makes the table of what benchmarks print, and puts it between the marks of the page.
func TestTable(t *testing.T) {
	const printed = `goos: linux
pkg: github.com/depeche-mail/depeche/queue
BenchmarkEndToEnd/loop-2         	   10000	     33274 ns/op	     30054 mails/s
BenchmarkEndToEnd/queue-2        	   10000	     66396 ns/op	     15062 mails/s
PASS
pkg: github.com/depeche-mail/depeche/queue/river
BenchmarkEndToEnd/loop-2         	   10000	     26543 ns/op	     37676 mails/s
BenchmarkEndToEnd/loop-2         	   10000	     26543 ns/op	     36000 mails/s
BenchmarkEndToEnd/loop-2         	   10000	     26543 ns/op	    101000 mails/s
BenchmarkEndToEnd/queue-2        	   10000	   1562801 ns/op	       640.0 mails/s
BenchmarkEndToEnd/queue-2        	   10000	   1562801 ns/op	      1249 mails/s
BenchmarkEndToEnd/queue-2        	   10000	   1562801 ns/op	       998.7 mails/s
`
	const want = `| engine | mails a second, end to end | the loop at the same time |
|---|--:|--:|
| ` + "`queue.Memory`" + `, nothing on the disk | 15,000 | 30,000 |
| ` + "`queue/river`" + `, PostgreSQL on the same machine | 1,000 (640 to 1,200) | 38,000 (36,000 to 100,000) |
`
	all, err := read(strings.NewReader(printed))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, table(all)); diff != "" {
		t.Error(diff)
	}
	text, err := os.ReadFile("../../" + page)
	if err != nil {
		t.Fatal(err)
	}
	filled, err := fill(string(text), want)
	if err != nil {
		t.Fatal(err)
	}
	again, err := fill(filled, want)
	if diff := cmp.Diff(filled, again); diff != "" || err != nil || !strings.Contains(filled, want) {
		t.Errorf("%v: %s", err, diff)
	}
}

// TestFaults: a rate that is missing, and a page without marks, are said.
func TestFaults(t *testing.T) {
	if _, err := read(strings.NewReader("pkg: x/queue\nBenchmarkEndToEnd/queue-2\t1\t5 ns/op\n")); err == nil {
		t.Error("a line without a rate was taken")
	}
	if _, err := fill("no marks", "x"); err == nil {
		t.Error("a page without marks was filled")
	}
}

package main

import (
	"os"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/internal/page"
	"github.com/google/go-cmp/cmp"
)

// TestTable makes the table of what benchmarks print, and names those that printed nothing.
func TestTable(t *testing.T) {
	const printed = `goos: linux
pkg: github.com/depeche-mail/depeche/queue
BenchmarkEndToEnd/loop-2         	   10000	     33274 ns/op	     30054 mails/s
BenchmarkEndToEnd/queue-2        	   10000	     66396 ns/op	     15062 mails/s
PASS
pkg: github.com/depeche-mail/depeche/queue/bolt
BenchmarkEndToEnd/loop-2         	   10000	     33274 ns/op	   1200000 mails/s
BenchmarkEndToEnd/queue-2        	   10000	     66396 ns/op	     123.0 mails/s
pkg: github.com/depeche-mail/depeche/queue/jetstream
BenchmarkEndToEnd/loop-2         	   10000	     33274 ns/op	     30000 mails/s
BenchmarkEndToEnd/loop-2         	   10000	     33274 ns/op	     40000 mails/s
BenchmarkEndToEnd/queue-2        	   10000	     66396 ns/op	     15062 mails/s
pkg: github.com/depeche-mail/depeche/queue/river
BenchmarkEndToEnd/loop-2         	   10000	     26543 ns/op	     37676 mails/s
BenchmarkEndToEnd/loop-2         	   10000	     26543 ns/op	     36000 mails/s
BenchmarkEndToEnd/loop-2         	   10000	     26543 ns/op	    101000 mails/s
BenchmarkEndToEnd/queue-2        	   10000	   1562801 ns/op	       640.0 mails/s
BenchmarkEndToEnd/queue-2        	   10000	   1562801 ns/op	      1249 mails/s
BenchmarkEndToEnd/queue-2        	   10000	   1562801 ns/op	       998.7 mails/s
BenchmarkEndToEnd/alone-2        	   10000	   1814433 ns/op	       551.1 mails/s
`
	const want = `| engine | mails a second, end to end | the loop at the same time |
|---|--:|--:|
| ` + "`queue.Memory`" + `, nothing on the disk | 15,000 | 30,000 |
| ` + "`queue/bolt`" + ` | 120 | 1,200,000 |
| ` + "`queue/jetstream`" + `, embedded, one node | 15,000 | 35,000 (30,000 to 40,000) |
| ` + "`queue/river`" + `, PostgreSQL on the same machine | 1,000 (640 to 1,200) | 38,000 (36,000 to 100,000) |
| River alone there: no ledger, a Send for each job | 550 | 38,000 (36,000 to 100,000) |
`
	all, err := read(strings.NewReader(printed))
	if err != nil {
		t.Fatal(err)
	}
	got, err := table(all)
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v: %s", err, diff)
	}
	delete(all, "bolt")
	delete(all["river"], "loop")
	if _, err := table(all); err == nil || err.Error() != "no result of bolt (queue), bolt (loop), river (loop)" {
		t.Error(err)
	}
}

// TestPage: the page has the marks of the table.
func TestPage(t *testing.T) {
	text, err := os.ReadFile("../../" + performance)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Count(string(text), page.Begin(command)) != 1 || strings.Count(string(text), page.End(command)) != 1 {
		t.Error(performance + " has not got each mark once")
	}
}

// TestNoRate: a rate that is missing is said.
func TestNoRate(t *testing.T) {
	if _, err := read(strings.NewReader("pkg: x/queue\nBenchmarkEndToEnd/queue-2\t1\t5 ns/op\n")); err == nil {
		t.Error("a line without a rate was taken")
	}
}

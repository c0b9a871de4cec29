// Command table runs the benchmarks of this module round after round and writes the medians into the table of
// docs/performance.md:
//
//	go run ./table -rounds 3 -page ../docs/performance.md
//
// A round runs all jobs, so that what slows the machine for a while slows peer, limit and library alike. Jobs over one
// connection run on one core, where the system has taskset, because waking another core costs more than a mail. Composing has
// all cores: on one, a loop that never waits for anything keeps the garbage collector waiting, and pays for each pointer that it
// writes meanwhile.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"

	"github.com/depeche-mail/depeche/internal/page"
)

// command is what the table says it is made by.
const command = "make table"

func main() {
	rounds := flag.Int("rounds", 3, "how often all jobs are run")
	path := flag.String("page", "../docs/performance.md", "the page whose table is written")
	least := flag.String("time", "400ms", "how long each benchmark runs at least")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *rounds, *least, *path); err != nil {
		fmt.Fprintln(os.Stderr, "table:", err)
		os.Exit(1) //nolint:gocritic // what is deferred ends with the process
	}
}

// suite is the benchmarks of a package that the table needs.
type suite struct {
	folder     string
	benchmarks string // an expression
	oneCore    bool
}

var suites = []suite{
	{"peer", "^Benchmark(OneByOne|Stream|Attachment)$", true},
	{"peer", "^BenchmarkEight$", false},
	{"compose", "^Benchmark(Plain|HTML|Newsletter)$", false},
}

func run(ctx context.Context, rounds int, least, path string) error {
	if rounds < 1 {
		return errors.New("-rounds: want 1 or more")
	}
	folder, err := os.MkdirTemp("", "table")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(folder) }()
	var all []results
	for round := range rounds {
		fmt.Fprintf(os.Stderr, "round %d of %d\n", round+1, rounds)
		found := results{}
		for _, s := range suites {
			text, err := s.run(ctx, filepath.Join(folder, s.folder+".test"), least)
			if err != nil {
				return fmt.Errorf("%s: %w\n%s", s.folder, err, text)
			}
			found.read(text)
		}
		all = append(all, found)
	}
	table, err := render(rows, all)
	if err != nil {
		return err
	}
	return page.Fill(path, command, table)
}

// run builds the program of a package, where it is not there, and runs its benchmarks.
func (s suite) run(ctx context.Context, program, least string) (string, error) {
	if _, err := os.Stat(program); err != nil {
		build := exec.CommandContext(ctx, "go", "test", "-c", "-o", program, "./"+s.folder)
		if text, err := build.CombinedOutput(); err != nil {
			return string(text), err
		}
	}
	words := []string{program, "-test.run", "^$", "-test.bench", s.benchmarks, "-test.benchtime", least, "-test.benchmem"}
	if s.oneCore {
		words = append(words, "-test.cpu", "1")
		if path, err := exec.LookPath("taskset"); err == nil {
			words = append([]string{path, "-c", "1"}, words...)
		}
	}
	text, err := exec.CommandContext(ctx, words[0], words[1:]...).CombinedOutput()
	return string(text), err
}

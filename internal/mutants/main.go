// Mutants puts faults into the code, one at a time, and says which of them the tests notice. Each fault stands for
// a promise: one that survives is a promise that no test holds.
//
//	go run ./internal/mutants              # all, from the root of the checkout
//	go run ./internal/mutants -match pool  # those whose id contains "pool"
//
// The faults are in catalog; the checkout itself is not changed (each is compiled by an overlay). The exit status is
// 0 when every fault was noticed.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

func main() {
	match := flag.String("match", "", "only those whose id contains this")
	workers := flag.Int("p", 2, "how many are tried at the same time")
	limit := flag.Duration("timeout", 5*time.Minute, "how long the tests of one may take; to hang is to be noticed")
	flag.Parse()
	ok, err := run(os.Stdout, *match, *workers, *limit)
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
	}
	if !ok {
		os.Exit(1)
	}
}

// A fate is what became of a mutant.
type fate struct {
	mutant   mutant
	verdict  string // "killed", "SURVIVED" or what went wrong
	by       string // the first test that failed
	duration time.Duration
}

func run(out io.Writer, match string, workers int, limit time.Duration) (bool, error) {
	list, err := catalog(os.DirFS("internal/mutants/catalog"))
	if err != nil {
		return false, err
	}
	todo := make(chan mutant)
	fates := make(chan fate)
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for m := range todo {
				fates <- try(m, limit)
			}
		})
	}
	go func() {
		for _, m := range list {
			if strings.Contains(m.id, match) {
				todo <- m
			}
		}
		close(todo)
		all.Wait()
		close(fates)
	}()
	count := map[string]int{}
	for f := range fates {
		fmt.Fprintf(out, "%-10s %-36s %5.1fs  %s\n", f.verdict, f.mutant.id, f.duration.Seconds(), f.by)
		count[f.verdict]++
	}
	total := 0
	for _, n := range count {
		total += n
	}
	fmt.Fprintf(out, "%d mutants, %d killed, %d survived, %d invalid\n", total, count[killed], count[survived], total-count[killed]-count[survived])
	return total > 0 && count[killed] == total, nil
}

const (
	killed   = "killed"
	survived = "SURVIVED"
	invalid  = "INVALID"
)

// try runs the tests of a mutant over the checkout in which one file is replaced.
func try(m mutant, limit time.Duration) fate {
	begin := time.Now()
	text, err := m.apply(os.DirFS("."))
	if err != nil {
		return fate{mutant: m, verdict: invalid, by: err.Error()}
	}
	overlay, clean, err := overlay(m.file, text)
	if err != nil {
		return fate{mutant: m, verdict: invalid, by: err.Error()}
	}
	defer clean()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	arguments := append([]string{"test", "-vet=off", "-ldflags=-s -w", "-overlay=" + overlay, "-failfast", "-timeout=" + limit.String()}, m.tests...)
	command := exec.CommandContext(ctx, "go", arguments...) //nolint:gosec // the arguments are those of the catalog
	command.Dir, command.WaitDelay = m.module, time.Second
	said, err := command.CombinedOutput()
	f := fate{mutant: m, verdict: survived, duration: time.Since(begin)}
	switch {
	case strings.Contains(string(said), "[build failed]"), strings.Contains(string(said), "[setup failed]"):
		f.verdict, f.by = invalid, "does not compile: "+firstLine(string(said), ".go:")
	case strings.Contains(string(said), "[no tests to run]") || strings.Contains(string(said), "[no test files]"):
		f.verdict, f.by = invalid, "no tests were run"
	case err != nil:
		f.verdict, f.by = killed, firstLine(string(said), "--- FAIL")
	}
	return f
}

// overlay writes what `go test -overlay` reads.
func overlay(file, text string) (name string, clean func(), err error) {
	folder, err := os.MkdirTemp("", "mutant")
	if err != nil {
		return "", nil, err
	}
	clean = func() { _ = os.RemoveAll(folder) }
	absolute, err := filepath.Abs(file)
	if err == nil {
		err = os.WriteFile(filepath.Join(folder, "mutant.go"), []byte(text), 0o600)
	}
	if err == nil {
		var replace []byte
		replace, err = json.Marshal(map[string]map[string]string{"Replace": {absolute: filepath.Join(folder, "mutant.go")}})
		if err == nil {
			err = os.WriteFile(filepath.Join(folder, "overlay.json"), replace, 0o600)
		}
	}
	return filepath.Join(folder, "overlay.json"), clean, err
}

// firstLine returns the first line that contains mark, and failing that the last line.
func firstLine(text, mark string) string {
	last := ""
	for line := range strings.Lines(text) {
		if last = strings.TrimSpace(line); strings.Contains(line, mark) {
			return last
		}
	}
	return last
}

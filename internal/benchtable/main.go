// Command benchtable reads what make bench-queue prints on standard input, prints it again, and writes the medians into the table of
// docs/performance.md.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/depeche-mail/depeche/internal/page"
)

const (
	performance = "docs/performance.md"
	command     = "make bench-queue-page" // what the table says it is made by
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "benchtable:", err)
		os.Exit(1)
	}
}

func run() error {
	rates, err := read(io.TeeReader(os.Stdin, os.Stdout))
	if err != nil {
		return err
	}
	text, err := table(rates)
	if err != nil {
		return err
	}
	return page.Fill(performance, command, text)
}

// rates are the mails a second of each run, by the package of the engine and the benchmark: "loop", "queue" or "alone".
type rates map[string]map[string][]float64

func read(r io.Reader) (rates, error) {
	all, engine := rates{}, ""
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		line := lines.Text()
		if name, ok := strings.CutPrefix(line, "pkg: "); ok {
			engine = path.Base(name)
			all[engine] = map[string][]float64{}
		}
		name, rest, ok := strings.Cut(line, "\t")
		if !ok || !strings.HasPrefix(name, "BenchmarkEndToEnd/") {
			continue
		}
		name, _, _ = strings.Cut(path.Base(name), "-")
		fields := strings.Fields(rest)
		at := slices.Index(fields, "mails/s")
		if at < 1 || engine == "" {
			return nil, fmt.Errorf("no rate: %s", line)
		}
		rate, err := strconv.ParseFloat(fields[at-1], 64)
		if err != nil {
			return nil, err
		}
		all[engine][name] = append(all[engine][name], rate)
	}
	return all, lines.Err()
}

// engines are the rows of the table: the package, the benchmark, and what it is called there.
var engines = []struct{ pkg, benchmark, name string }{
	{"queue", "queue", "`queue.Memory`, nothing on the disk"},
	{"bolt", "queue", "`queue/bolt`"},
	{"jetstream", "queue", "`queue/jetstream`, embedded, one node"},
	{"river", "queue", "`queue/river`, PostgreSQL on the same machine"},
	{"river", "alone", "River alone there: no ledger, a Send for each job"},
}

// table makes the table. That an engine printed nothing is an error, as it does where the run before the pipe ended early.
func table(all rates) (string, error) {
	var missing []string
	var text strings.Builder
	text.WriteString("| engine | mails a second, end to end | the loop at the same time |\n|---|--:|--:|\n")
	for _, e := range engines {
		found := all[e.pkg]
		for _, name := range []string{e.benchmark, "loop"} {
			if one := e.pkg + " (" + name + ")"; len(found[name]) == 0 && !slices.Contains(missing, one) {
				missing = append(missing, one)
			}
		}
		fmt.Fprintf(&text, "| %s | %s | %s |\n", e.name, summary(found[e.benchmark]), summary(found["loop"]))
	}
	if len(missing) > 0 {
		return "", errors.New("no result of " + strings.Join(missing, ", "))
	}
	return text.String(), nil
}

// summary is the median, and the range if there are several.
func summary(list []float64) string {
	switch len(list) {
	case 0:
		return ""
	case 1:
		return rounded(list[0])
	}
	return fmt.Sprintf("%s (%s to %s)", rounded(page.Median(list)), rounded(slices.Min(list)), rounded(slices.Max(list)))
}

// rounded has two digits that count, more would say more than is known.
func rounded(rate float64) string {
	number, err := strconv.ParseFloat(strconv.FormatFloat(rate, 'e', 1, 64), 64)
	if err != nil {
		return fmt.Sprint(rate)
	}
	digits := strconv.FormatFloat(number, 'f', 0, 64)
	for at := len(digits) - 3; at > 0; at -= 3 {
		digits = digits[:at] + "," + digits[at:]
	}
	return digits
}

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
)

const (
	page  = "docs/performance.md"
	begin = "<!-- written by make bench-queue-page -->\n"
	end   = "<!-- end -->\n"
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
	text, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	filled, err := fill(string(text), table(rates))
	if err != nil {
		return err
	}
	return os.WriteFile(page, []byte(filled), 0o644) //nolint:gosec // a page of the documentation
}

// rates are the mails a second of each run, by the package of the engine and the benchmark, "loop" or "queue".
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

// engines are the rows of the table: the package, and what it is called there.
var engines = [][2]string{
	{"queue", "`queue.Memory`, nothing on the disk"},
	{"bolt", "`queue/bolt`"},
	{"jetstream", "`queue/jetstream`, embedded, one node"},
	{"river", "`queue/river`, PostgreSQL on the same machine"},
}

func table(all rates) string {
	var text strings.Builder
	text.WriteString("| engine | mails a second, end to end | the loop at the same time |\n|---|--:|--:|\n")
	for _, e := range engines {
		if found := all[e[0]]; len(found["queue"]) > 0 {
			fmt.Fprintf(&text, "| %s | %s | %s |\n", e[1], summary(found["queue"]), summary(found["loop"]))
		}
	}
	return text.String()
}

// summary is the median, and the range if there are several.
func summary(list []float64) string {
	switch len(list) {
	case 0:
		return ""
	case 1:
		return rounded(list[0])
	}
	slices.Sort(list)
	return fmt.Sprintf("%s (%s to %s)", rounded(list[len(list)/2]), rounded(list[0]), rounded(list[len(list)-1]))
}

// rounded has two digits that count, more would say more than is known.
func rounded(rate float64) string {
	number, err := strconv.ParseFloat(strconv.FormatFloat(rate, 'e', 1, 64), 64)
	if err != nil {
		return fmt.Sprint(rate)
	}
	digits := strconv.FormatFloat(number, 'f', 0, 64)
	if len(digits) > 3 {
		digits = digits[:len(digits)-3] + "," + digits[len(digits)-3:]
	}
	return digits
}

func fill(text, table string) (string, error) {
	before, rest, ok := strings.Cut(text, begin)
	_, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		return "", errors.New(page + " lacks the marks of the table")
	}
	return before + begin + table + end + after, nil
}

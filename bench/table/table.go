package main

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/depeche-mail/depeche/internal/page"
)

// row is a job: what a peer, a program without any library and this one take for it, by the names of benchmarks.
type row struct {
	job         string
	of          string // what the following names have before them
	peer        string
	limit, ours string
}

var rows = []row{
	{"prepared mails of 1 KiB, one by one", "OneByOne/prepared", "net/smtp", "limit, one flight", "depeche"},
	{"the same, composed", "OneByOne/composed", "net/smtp and go-message", "limit, one flight", "depeche"},
	{"prepared, 64 under way", "Stream/near/prepared", "net/smtp", "limit, window 64", "depeche, window 64"},
	{"prepared, 1,000 under way", "Stream/near/prepared", "net/smtp", "limit, window 1000", "depeche, window 1000"},
	{"composed, 64 under way", "Stream/near/composed", "net/smtp and go-message", "limit, window 64", "depeche, window 64"},
	{"composed, 1,000 under way", "Stream/near/composed", "net/smtp and go-message", "limit, window 1000", "depeche, window 1000"},
	{"TLS, prepared, 64 under way", "Stream/near in TLS/prepared", "net/smtp", "limit, window 64", "depeche, window 64"},
	{"TLS, composed, 64 under way", "Stream/near in TLS/composed", "net/smtp and go-message", "limit, window 64", "depeche, window 64"},
	{"8 connections, prepared, one by one", "Eight/near", "net/smtp", "limit, one flight", "depeche, one by one"},
	{"8 connections, prepared, 64 under way", "Eight/near", "net/smtp", "limit, window 64", "depeche, window 64"},
	{"8 connections, TLS, one by one", "Eight/near in TLS", "net/smtp", "limit, one flight", "depeche, one by one"},
	{"8 connections, TLS, 64 under way", "Eight/near in TLS", "net/smtp", "limit, window 64", "depeche, window 64"},
	{"a file of 25 MiB, attached and sent", "Attachment", "go-mail", "limit", "depeche"},
	{"compose a line of text", "Plain", "go-mail", "limit", "depeche"},
	{"compose text and HTML", "HTML", "go-mail", "limit", "depeche"},
	{"newsletter of 20 KiB, package templates", "Newsletter", "go-mail", "copy", "depeche, templates"},
	{"newsletter of 20 KiB, `TextBuilder`", "Newsletter", "gomail.v2", "copy", "depeche, pieces"},
}

// result is what a benchmark told.
type result struct{ nanoseconds, allocations float64 }

// results are those of a round, by the names of benchmarks.
type results map[string]result

// cores is what the testing package writes after a name.
var cores = regexp.MustCompile(`-\d+$`)

// read adds what the output of benchmarks tells.
func (r results) read(text string) {
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) < 4 || !strings.HasPrefix(fields[0], "Benchmark") {
			continue
		}
		var found result
		for i := 2; i+1 < len(fields); i += 2 {
			value, err := strconv.ParseFloat(fields[i], 64)
			switch {
			case err != nil:
			case fields[i+1] == "ns/op":
				found.nanoseconds = value
			case fields[i+1] == "allocs/op":
				found.allocations = value
			}
		}
		r[cores.ReplaceAllString(strings.TrimPrefix(fields[0], "Benchmark"), "")] = found
	}
}

// render writes the table: medians of all rounds, of times and of ratios within a round.
func render(rows []row, rounds []results) (string, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "| job | peer | limit | depeche | times the peer | share of the limit | allocations |\n|---|--:|--:|--:|--:|--:|--:|\n")
	for _, row := range rows {
		var peer, limit, ours, times, shares, allocations []float64
		for _, found := range rounds {
			p, l, o := found.of(row, row.peer), found.of(row, row.limit), found.of(row, row.ours)
			if p.nanoseconds == 0 || l.nanoseconds == 0 || o.nanoseconds == 0 {
				return "", fmt.Errorf("no result for %q in %s", row.job, row.of)
			}
			peer, limit, ours = append(peer, p.nanoseconds), append(limit, l.nanoseconds), append(ours, o.nanoseconds)
			times, shares = append(times, p.nanoseconds/o.nanoseconds), append(shares, l.nanoseconds/o.nanoseconds)
			allocations = append(allocations, o.allocations)
		}
		fmt.Fprintf(&b, "| %s | %s, %s | %s | %s | %.1f | %.2f | %.0f |\n", row.job, row.peer, page.Duration(page.Median(peer)), page.Duration(page.Median(limit)),
			page.Duration(page.Median(ours)), page.Median(times), page.Median(shares), page.Median(allocations))
	}
	fmt.Fprintf(&b, "\nMedians of rounds: %d.\n", len(rounds))
	return b.String(), nil
}

// of returns the result of a benchmark of a job.
func (r results) of(x row, name string) result {
	return r[strings.ReplaceAll(x.of+"/"+name, " ", "_")]
}

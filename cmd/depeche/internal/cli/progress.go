package cli

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/depeche-mail/depeche/transport"
)

// progressInterval is how often the line changes.
const progressInterval = 200 * time.Millisecond

// progress counts what came of the rows of a list, and says so on a terminal.
type progress struct {
	world   *World
	rows    int
	mails   int
	before  int // of them, those of an earlier run by the ledger
	all     tally
	started time.Time
	shown   time.Time
	now     func() time.Time
}

func newProgress(w *World, rows int) *progress {
	now := time.Now
	return &progress{world: w, rows: rows, started: now(), now: now}
}

func (p *progress) add(result *transport.Result) {
	p.mails++
	if slices.ContainsFunc(result.Recipients, func(r transport.RecipientResult) bool { return r.Replayed }) {
		p.before++
	}
	p.all.add(result)
	if p.world.IsTerminal && p.now().Sub(p.shown) >= progressInterval {
		p.shown = p.now()
		fmt.Fprintf(p.world.Stderr, "\r\x1b[K%s", p)
	}
}

// end says it for the last time, on a terminal in the place of the line.
func (p *progress) end() {
	if p.world.IsTerminal {
		fmt.Fprintf(p.world.Stderr, "\r\x1b[K")
	}
	fmt.Fprintln(p.world.Stderr, p)
}

// String returns the line.
func (p *progress) String() string {
	var text strings.Builder
	fmt.Fprintf(&text, "%d of %d mails", p.mails, p.rows)
	for _, part := range []struct {
		n          int
		name, code string
	}{
		{p.all.Accepted, "accepted", green},
		{p.all.Rejected, "rejected", red},
		{p.all.Deferred, "deferred", yellow},
		{p.all.NotSent, "not sent", yellow},
		{p.all.Unknown, "unknown", red},
	} {
		if part.n > 0 {
			text.WriteString(", " + p.world.colour(part.code, fmt.Sprintf("%d %s", part.n, part.name)))
		}
	}
	if p.before > 0 {
		fmt.Fprintf(&text, "; %d of them before", p.before)
	}
	if elapsed := p.now().Sub(p.started).Seconds(); elapsed >= 1 {
		fmt.Fprintf(&text, ", %.0f/s", float64(p.mails-p.before)/elapsed)
	}
	return text.String()
}

// The colours of a terminal.
const (
	red    = "31"
	green  = "32"
	yellow = "33"
)

// colour colours text on a terminal, unless NO_COLOR is set to anything (no-color.org).
func (w *World) colour(code, text string) string {
	if !w.IsTerminal || w.Getenv("NO_COLOR") != "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

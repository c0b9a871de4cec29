package beside_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/depeche-mail/depeche/internal/page"
)

var rounds = flag.Int("rounds", 0, "how often TestTable measures each server; it needs a quiet machine")

// TestServers: each server takes mails in each way that is compared.
func TestServers(t *testing.T) {
	for _, s := range servers {
		t.Run(s.name, func(t *testing.T) {
			to := s.start(t)
			for _, w := range ways {
				if to.lmtp && !w.lmtp {
					continue
				}
				t.Run(w.name, func(t *testing.T) {
					const few = 5
					if err := w.open(t, to)(few); err != nil {
						t.Fatal(err)
					}
				})
			}
		})
	}
}

const command = "make beside"

// figures are what each way reached with each server, in each round.
type figures struct{ speeds, shares map[[2]string][]float64 }

func newFigures() figures {
	return figures{map[[2]string][]float64{}, map[[2]string][]float64{}}
}

// add enters a round with a server: how many mails a second it took in each way.
func (f figures) add(server string, found map[string]float64) {
	for _, w := range ways {
		speed, ok := found[w.name]
		if !ok {
			continue
		}
		cell := [2]string{w.name, server}
		f.speeds[cell] = append(f.speeds[cell], speed)
		if w.limit != "" && found[w.limit] > 0 {
			f.shares[cell] = append(f.shares[cell], speed/found[w.limit])
		}
	}
}

// TestTable writes the table of docs/performance.md: how many mails a second each server takes in each way. With -rounds it measures
// all ways with all servers in each round; without, the figures are made up, and so is the page.
func TestTable(t *testing.T) {
	found := newFigures()
	if *rounds > 0 {
		found.measure(t)
		if t.Failed() {
			return
		}
		if err := page.Fill("../../docs/performance.md", command, found.render(*rounds)); err != nil {
			t.Fatal(err)
		}
		return
	}
	for range 3 {
		found.add("Postfix", map[string]float64{ways[0].name: 1000, ways[len(ways)-1].name: 0})
	}
	path := filepath.Join(t.TempDir(), "page.md")
	if err := os.WriteFile(path, []byte(page.Begin(command)+"old\n"+page.End(command)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := page.Fill(path, command, found.render(3)); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"| Postfix | Exim | ", "| " + ways[0].name + " | 1000 | | ", "| " + ways[len(ways)-1].name + " | hung up on | | ", "Medians of rounds: 3."} {
		if !strings.Contains(string(got), want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}

// measure measures all ways with all servers, round by round.
func (f figures) measure(t *testing.T) {
	t.Helper()
	var places []place
	for _, s := range servers {
		places = append(places, s.start(t))
	}
	for range *rounds {
		for _, to := range places {
			found := map[string]float64{}
			for _, w := range ways {
				if to.lmtp && !w.lmtp {
					continue
				}
				t.Run(to.name+"/"+w.name, func(t *testing.T) { found[w.name] = measure(t, w, to) })
			}
			f.add(to.name, found)
		}
	}
}

// measure returns how many mails a second a server takes in a way: 0 when it takes no more from a library of others. Exim hangs up after
// ten commands that belong to no transaction, and go-mail asks by NOOP before each mail.
func measure(t *testing.T, w way, to place) float64 {
	t.Helper()
	const warm = 16
	send := w.open(t, to)
	err := send(warm)
	start := time.Now()
	if err == nil {
		err = send(to.mails)
	}
	switch {
	case err == nil:
		return float64(to.mails) / time.Since(start).Seconds()
	case strings.HasPrefix(w.name, "depeche"):
		t.Error(err)
	}
	t.Logf("%s: %v", to.name, err)
	return 0
}

func (f figures) render(rounds int) string {
	var b strings.Builder
	b.WriteString("| mails a second (share of the limit) |")
	for _, s := range servers {
		fmt.Fprintf(&b, " %s |", s.name)
	}
	b.WriteString("\n|---|" + strings.Repeat("--:|", len(servers)) + "\n")
	for _, w := range ways {
		fmt.Fprintf(&b, "| %s |", w.name)
		for _, s := range servers {
			cell := [2]string{w.name, s.name}
			switch {
			case len(f.speeds[cell]) == 0:
				b.WriteString(" |")
			case page.Median(f.speeds[cell]) == 0:
				b.WriteString(" hung up on |")
			case len(f.shares[cell]) == 0:
				fmt.Fprintf(&b, " %.0f |", page.Median(f.speeds[cell]))
			default:
				fmt.Fprintf(&b, " %.0f (%.2f) |", page.Median(f.speeds[cell]), page.Median(f.shares[cell]))
			}
		}
		b.WriteString("\n")
	}
	fmt.Fprintf(&b, "\nMedians of rounds: %d.\n", rounds)
	return b.String()
}

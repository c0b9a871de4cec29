package beside_test

import (
	"flag"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/depeche-mail/depeche/bench/page"
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

// TestTable writes the table of docs/performance.md: how many mails a second each server takes in each way. A round measures all ways
// with all servers.
func TestTable(t *testing.T) {
	if *rounds == 0 {
		t.Skip("it measures, and changes docs/performance.md: give -rounds")
	}
	var places []place
	for _, s := range servers {
		places = append(places, s.start(t))
	}
	speeds, shares := map[[2]string][]float64{}, map[[2]string][]float64{}
	for range *rounds {
		for _, to := range places {
			found := map[string]float64{}
			for _, w := range ways {
				if to.lmtp && !w.lmtp {
					continue
				}
				t.Run(to.name+"/"+w.name, func(t *testing.T) { found[w.name] = measure(t, w, to) })
				cell := [2]string{w.name, to.name}
				speeds[cell] = append(speeds[cell], found[w.name])
				if w.limit != "" && found[w.limit] > 0 {
					shares[cell] = append(shares[cell], found[w.name]/found[w.limit])
				}
			}
		}
	}
	if t.Failed() {
		return
	}
	if err := page.Fill("../../docs/performance.md", command, render(speeds, shares)); err != nil {
		t.Fatal(err)
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

func render(speeds, shares map[[2]string][]float64) string {
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
			case len(speeds[cell]) == 0:
				b.WriteString(" |")
			case page.Median(speeds[cell]) == 0:
				b.WriteString(" hung up on |")
			case len(shares[cell]) == 0:
				fmt.Fprintf(&b, " %.0f |", page.Median(speeds[cell]))
			default:
				fmt.Fprintf(&b, " %.0f (%.2f) |", page.Median(speeds[cell]), page.Median(shares[cell]))
			}
		}
		b.WriteString("\n")
	}
	fmt.Fprintf(&b, "\nMedians of rounds: %d.\n", *rounds)
	return b.String()
}

package chaos_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/depeche-mail/depeche/transport"
)

// TestChaos sends from all senders at once, in rounds, and after each round compares what they were told
// with the ledgers of the servers: Accepted is stored once, NotSent, Rejected and Deferred are not stored,
// Unknown is stored once or not, and everything that is stored is the whole mail, for its recipients.
func TestChaos(t *testing.T) {
	length, each := 5*time.Second, 5*time.Second
	if text := os.Getenv("DEPECHE_CHAOS"); text != "" {
		var err error
		if length, err = time.ParseDuration(text); err != nil {
			t.Fatal(err)
		}
		each = min(length, 12*time.Second)
	}
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("DEPECHE_CHAOS_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	total := map[transport.Outcome]int{}
	for begin := time.Now(); time.Since(begin) < length && !t.Failed(); seed++ {
		t.Logf("seed %d", seed)
		play(t, seed, each, total)
	}
	t.Logf("recipients: %v", total)
	if !t.Failed() && (total[transport.Accepted] == 0 || total[transport.Unknown] == 0 || total[transport.NotSent] == 0) {
		t.Error("it was too quiet: there must be some of each outcome")
	}
}

// play is one round.
func play(t *testing.T, seed uint64, length time.Duration, total map[transport.Outcome]int) {
	before, files := runtime.NumGoroutine(), openFiles(t)
	r := &round{rand: rand.New(rand.NewPCG(seed, 3)), count: total}
	var b bench
	var servers [2]*process
	for i := range servers {
		servers[i] = startProcess(t, filepath.Join(t.TempDir(), "ledger"), seed+uint64(i)<<32)
		b.smtp[i] = startProxy(t, &servers[i].smtp, seed+uint64(i))
		b.lmtp[i] = startProxy(t, &servers[i].lmtp, seed+uint64(i)+2)
	}
	stop := make(chan struct{})
	var running sync.WaitGroup
	for _, s := range senders() {
		running.Go(func() { s.run(t, &b, r, stop) })
	}
	running.Go(func() { // kills a server now and then
		for {
			select {
			case <-stop:
				return
			case <-time.After(time.Duration(r.pick(int(length / 4)))):
				servers[r.pick(2)].kill()
			}
		}
	})
	time.Sleep(length)
	close(stop)
	running.Wait()
	var faults int64
	stored := map[string][]string{}
	for i := range servers {
		b.smtp[i].close()
		b.lmtp[i].close()
		faults += b.smtp[i].faults.Load() + b.lmtp[i].faults.Load()
		for _, line := range servers[i].stop() {
			to, hash, _ := strings.Cut(line, " ")
			stored[to] = append(stored[to], hash)
		}
	}
	t.Logf("%d mails, %d connections cut or stalled, %d deliveries", len(r.mails), faults, len(stored))
	r.compare(t, stored)
	quiet(t, before, files)
}

// compare holds the results against the ledgers.
func (r *round) compare(t *testing.T, stored map[string][]string) {
	var faults []string
	for n, m := range r.mails {
		want := sum(m.data)
		for i := range m.env.Len() {
			to := m.env.At(i).Address.String()
			copies := stored[to]
			delete(stored, to)
			outcome, reply := transport.Unknown, "" // of one whose end the caller was not told
			if r.ends[n] != nil {
				outcome, reply = r.ends[n].Recipients[i].Outcome, r.ends[n].Recipients[i].Reply.String()
				r.count[outcome]++
			}
			if slices.ContainsFunc(copies, func(hash string) bool { return hash != want }) {
				faults = append(faults, fmt.Sprintf("%s: changed, and %v (temper %d)", m.by, outcome, m.temper))
			}
			if len(copies) > 1 || outcome == transport.Accepted && len(copies) == 0 ||
				outcome != transport.Accepted && outcome != transport.Unknown && len(copies) > 0 {
				faults = append(faults, fmt.Sprintf("%s: %v %q, and stored %d times (temper %d)", m.by, outcome, reply, len(copies), m.temper))
			}
		}
	}
	if len(stored) > 0 {
		faults = append(faults, fmt.Sprintf("%d deliveries to recipients that do not exist", len(stored)))
	}
	count := map[string]int{}
	for _, fault := range faults {
		count[fault]++
	}
	for _, fault := range slices.Sorted(maps.Keys(count)) {
		t.Errorf("%d recipients of %s", count[fault], fault)
	}
}

// openFiles counts the open files of this process, where that is known.
func openFiles(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0
	}
	return len(entries)
}

// quiet waits until everything of a round has ended.
func quiet(t *testing.T, goroutines, files int) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		now, open := runtime.NumGoroutine(), openFiles(t)
		if now <= goroutines && open <= files {
			return
		}
		if time.Now().After(deadline) {
			stacks := make([]byte, 1<<20)
			t.Errorf("%d goroutines are left, and %d files:\n%s", now-goroutines, open-files, fmt.Sprintf("%.20000s", stacks[:runtime.Stack(stacks, true)]))
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}

package jetstream

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/depeche-mail/depeche/ledger"
	"github.com/depeche-mail/depeche/queue"
	"github.com/depeche-mail/depeche/queue/queuetest"
	"github.com/depeche-mail/depeche/transport"
)

func benchEngine(b *testing.B) *Engine {
	b.Helper()
	e, err := Embedded(b.TempDir()).Open(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := e.Close(); err != nil {
			b.Error(err)
		}
	})
	return e
}

// BenchmarkEndToEnd compares a plain loop with the queue, in which all is durable; see make bench-queue.
func BenchmarkEndToEnd(b *testing.B) {
	queuetest.BenchEndToEnd(b, func(b *testing.B) queue.Engine {
		e, err := openAt(b.Context(), b.TempDir())
		if err != nil {
			b.Fatal(err)
		}
		return e
	})
}

// BenchmarkLedger claims, marks and ends mails, in batches as SendAll over ledger.Once makes them; all is durable.
func BenchmarkLedger(b *testing.B) {
	for _, n := range []int{1, 64, 256} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			l := benchEngine(b).Ledger()
			to := newMail(b).Envelope().From()
			start, total := time.Now(), 0
			for i := 0; b.Loop(); i++ {
				claims := make([]ledger.Claim, n)
				for k := range claims {
					claims[k] = ledger.Claim{Key: fmt.Sprint(i, "-", k), Recipient: to}
				}
				grants, err := l.Claim(b.Context(), claims)
				if err == nil {
					err = l.Ending(b.Context(), grants)
				}
				ends := make([]ledger.Ended, n)
				for k, g := range grants {
					ends[k] = ledger.Ended{Grant: g, Fate: ledger.Fate{Outcome: transport.Accepted}}
				}
				if err == nil {
					err = l.End(b.Context(), ends)
				}
				if err != nil {
					b.Fatal(err)
				}
				total += n
			}
			b.ReportMetric(float64(total)/time.Since(start).Seconds(), "mails/s")
		})
	}
}

// BenchmarkMillion says what a process needs for a million jobs that wait. It takes minutes.
func BenchmarkMillion(b *testing.B) {
	e := benchEngine(b)
	const jobs, each = 1_000_000, 256
	before := heap()
	for b.Loop() {
		for i := 0; i < jobs; i += each {
			entries := make([]queue.Entry, each)
			for k := range entries {
				entries[k] = queue.Entry{Job: queue.Job{Key: fmt.Sprint("order-", i+k), At: time.Now().Add(24 * time.Hour)}, Payload: make([]byte, 256)}
			}
			if _, err := e.Put(b.Context(), entries); err != nil {
				b.Fatal(err)
			}
		}
	}
	for range 10 { // the server lets go of what it remembers of blocks that are not read
		b.Logf("%d MiB", (heap()-before)>>20)
		<-time.After(15 * time.Second)
	}
	b.ReportMetric(float64(heap()-before)/(1<<20), "MiB")
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

package jetstream

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/ledger"
	"github.com/depeche-mail/depeche/queue"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/smtp"
	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
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

// newRelay starts a server in this process and returns a relay with a window of 64.
func newRelay(b *testing.B) transport.Transport {
	b.Helper()
	server := smtptest.NewUnstartedServer(b)
	server.Config.Forget, server.Config.DiscardContent = true, true
	server.Start()
	relay, err := smtp.DangerousPlaintext("127.0.0.1").Port(server.Port()).BulkWindow(64).Pool(smtp.Pool{MaxOpen: 2}).Build()
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = relay.Close() })
	return relay
}

// BenchmarkEndToEnd compares a plain loop over SendAll with the queue: 64 goroutines enqueue mails, one call each, while a
// worker sends them, and all is durable.
func BenchmarkEndToEnd(b *testing.B) {
	b.Run("loop", func(b *testing.B) {
		relay, mail := newRelay(b), benchMail(b)
		for sent, err := range transport.SendAll(b.Context(), relay, func(yield func(transport.Mail) bool) {
			for range b.N {
				if !yield(mail) {
					return
				}
			}
		}) {
			if err != nil {
				b.Fatal(sent.Index, err)
			}
		}
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "mails/s")
	})
	b.Run("queue", func(b *testing.B) {
		q, err := queue.New(benchEngine(b), queue.Config{})
		if err != nil {
			b.Fatal(err)
		}
		ctx, cancel := context.WithCancel(b.Context())
		var sent atomic.Int64
		w := queue.Work(q, newRelay(b))
		w.AtOnce = 512
		w.OnEvent = func(e queue.Event) {
			if !e.Begins && sent.Add(1) == int64(b.N) {
				cancel()
			}
		}
		worker, err := w.Build()
		if err != nil {
			b.Fatal(err)
		}
		b.ResetTimer()
		go enqueueAll(b, q)
		if err := worker.Run(ctx); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "mails/s")
	})
}

func enqueueAll(b *testing.B, q *queue.Queue) {
	mail := benchMail(b)
	var number atomic.Int64
	const writers = 64
	for range writers {
		go func() {
			for {
				n := number.Add(1)
				if n > int64(b.N) {
					return
				}
				if _, err := q.Enqueue(b.Context(), mail, queue.Job{Key: fmt.Sprint("k", n)}); err != nil {
					b.Error(err)
				}
			}
		}()
	}
}

func benchMail(b *testing.B) transport.Mail {
	b.Helper()
	from, err := envelope.ParseAddress("from@example.org")
	if err != nil {
		b.Fatal(err)
	}
	env, err := envelope.New(from, from)
	if err != nil {
		b.Fatal(err)
	}
	return transport.Raw(env, []byte("Subject: x\r\n\r\n"+strings.Repeat("0123456789abcde\r\n", 240)))
}

// BenchmarkLedger claims, marks and ends mails, in batches as SendAll over ledger.Once makes them; all is durable.
func BenchmarkLedger(b *testing.B) {
	for _, n := range []int{1, 64, 256} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			l := benchEngine(b).Ledger()
			to := benchMail(b).Envelope().From()
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

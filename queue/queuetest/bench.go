package queuetest

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/queue"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/smtp"
	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
)

// benchMail is a mail of 4 KB.
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

// benchRelay starts a server in this process that keeps nothing, and returns a relay with a window of 64.
func benchRelay(b *testing.B) transport.Transport {
	b.Helper()
	const window, connections = 64, 2
	server := smtptest.NewUnstartedServer(b)
	server.Config.Forget, server.Config.DiscardContent = true, true
	server.Start()
	relay, err := smtp.DangerousPlaintext("127.0.0.1").Port(server.Port()).BulkWindow(window).Pool(smtp.Pool{MaxOpen: connections}).Build()
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = relay.Close() })
	return relay
}

// BenchEndToEnd has two benchmarks over the same server, which report mails/s for b.N mails of 4 KB. "loop" is a plain loop over
// [transport.SendAll], which remembers nothing. "queue" measures an engine without jobs from Enqueue to the end of each job: 64 goroutines
// enqueue, one call each, while a worker with 512 in hand sends. The engine is closed. Run it with -benchtime 10000x.
func BenchEndToEnd(b *testing.B, open func(b *testing.B) queue.Engine) {
	b.Helper()
	b.Run("loop", benchLoop)
	b.Run("queue", func(b *testing.B) {
		engine := open(b)
		benchQueue(b, engine)
		if err := engine.Close(); err != nil {
			b.Error(err)
		}
	})
}

func benchLoop(b *testing.B) {
	relay, mail := benchRelay(b), benchMail(b)
	b.ResetTimer()
	for _, err := range transport.SendAll(b.Context(), relay, func(yield func(transport.Mail) bool) {
		for range b.N {
			if !yield(mail) {
				return
			}
		}
	}) {
		if err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "mails/s")
}

func benchQueue(b *testing.B, engine queue.Engine) {
	const writers, atOnce = 64, 512
	q, err := queue.New(engine, queue.Config{})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	var sent, number atomic.Int64
	w := queue.Work(q, benchRelay(b))
	w.AtOnce = atOnce
	w.OnEvent = func(e queue.Event) {
		if !e.Begins && sent.Add(1) == int64(b.N) {
			cancel()
		}
	}
	worker, err := w.Build()
	if err != nil {
		b.Fatal(err)
	}
	mail := benchMail(b)
	b.ResetTimer()
	var all sync.WaitGroup
	for range writers {
		all.Go(func() {
			for n := number.Add(1); n <= int64(b.N); n = number.Add(1) {
				if _, err := q.Enqueue(b.Context(), mail, queue.Job{Key: fmt.Sprint("k", n)}); err != nil {
					b.Error(err)
					cancel()
				}
			}
		})
	}
	if err := worker.Run(ctx); err != nil {
		b.Fatal(err)
	}
	all.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "mails/s")
}

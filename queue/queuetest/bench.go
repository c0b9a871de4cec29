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

// BenchLoop measures what a queue is compared with: a plain loop that sends b.N mails of 4 KB and remembers nothing. It reports mails/s.
func BenchLoop(b *testing.B, relay transport.Transport) {
	b.Helper()
	mail := benchMail(b)
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

// BenchEndToEnd measures an engine from Enqueue to the end of each job: 64 goroutines enqueue b.N mails of 4 KB, one call each, while a
// worker with 512 in hand sends them over relay. It reports mails/s. The engine stays the caller's.
func BenchEndToEnd(b *testing.B, engine queue.Engine, relay transport.Transport) {
	b.Helper()
	const writers, atOnce = 64, 512
	q, err := queue.New(engine, queue.Config{})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	var sent, number atomic.Int64
	w := queue.Work(q, relay)
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

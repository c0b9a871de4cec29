package river_test

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/smtp"
	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	plain "github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
)

// mailArgs is a mail as a job of a program that uses River alone.
type mailArgs struct {
	From, To string
	Text     []byte
}

func (mailArgs) Kind() string { return "mail" }

// mailWorker sends one mail for each job.
type mailWorker struct {
	plain.WorkerDefaults[mailArgs]

	relay transport.Transport
	sent  func()
}

func (w *mailWorker) Work(ctx context.Context, job *plain.Job[mailArgs]) error {
	env, err := envelope.Parse(job.Args.From, job.Args.To)
	if err != nil {
		return err
	}
	if _, err := w.relay.Send(ctx, transport.Raw(env, job.Args.Text)); err != nil {
		return err
	}
	w.sent()
	return nil
}

// benchAlone is what BenchEndToEnd measures, for a program that gives its mails to River itself: without a ledger, so
// that a mail goes twice when the program is killed, and with a Send for each.
func benchAlone(b *testing.B) {
	const writers, workers = 64, 64
	s := startDurable(b)
	connections, err := pgxpool.New(b.Context(), s.DSN("postgres")+" pool_max_conns=32")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(connections.Close)
	driver := riverpgxv5.New(connections)
	migrator, err := rivermigrate.New[pgx.Tx](driver, nil)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := migrator.Migrate(b.Context(), rivermigrate.DirectionUp, nil); err != nil {
		b.Fatal(err)
	}
	server := smtptest.NewUnstartedServer(b)
	server.Config.Forget, server.Config.DiscardContent = true, true
	server.Start()
	relay, err := smtp.DangerousPlaintext("127.0.0.1").Port(server.Port()).Pool(smtp.Pool{MaxOpen: workers}).Build()
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = relay.Close() })
	done, sent := make(chan struct{}), atomic.Int64{}
	registered := plain.NewWorkers()
	plain.AddWorker(registered, &mailWorker{relay: relay, sent: func() {
		if sent.Add(1) == int64(b.N) {
			close(done)
		}
	}})
	client, err := plain.NewClient(driver, &plain.Config{
		Queues:  map[string]plain.QueueConfig{plain.QueueDefault: {MaxWorkers: workers}},
		Workers: registered,
	})
	if err != nil {
		b.Fatal(err)
	}
	if err := client.Start(b.Context()); err != nil {
		b.Fatal(err)
	}
	defer func() { _ = client.Stop(context.WithoutCancel(b.Context())) }()
	job := mailArgs{From: "from@example.org", To: "to@example.org", Text: []byte("Subject: x\r\n\r\n" + strings.Repeat("0123456789abcde\r\n", 240))}
	b.ResetTimer()
	var all sync.WaitGroup
	var number atomic.Int64
	for range writers {
		all.Go(func() {
			for number.Add(1) <= int64(b.N) {
				if _, err := client.Insert(b.Context(), job, nil); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	<-done
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "mails/s")
}

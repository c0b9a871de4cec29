package river_test

import (
	"testing"

	"github.com/depeche-mail/depeche/queue/queuetest"
	"github.com/depeche-mail/depeche/queue/river"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/smtp"
	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
	"github.com/jackc/pgx/v5/pgxpool"
)

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

// BenchmarkEndToEnd compares a plain loop with the queue, in which all is durable; see make bench-queue.
func BenchmarkEndToEnd(b *testing.B) {
	b.Run("loop", func(b *testing.B) { queuetest.BenchLoop(b, newRelay(b)) })
	b.Run("queue", func(b *testing.B) {
		s, err := startPostgres("fsync=on", "synchronous_commit=on", "full_page_writes=on")
		if err != nil {
			b.Fatal(err)
		}
		defer s.stop()
		pool, err := pgxpool.New(b.Context(), s.dsn("postgres")+" pool_max_conns=32")
		if err != nil {
			b.Fatal(err)
		}
		defer pool.Close()
		e, err := river.Open(b.Context(), pool, river.Options{})
		if err != nil {
			b.Fatal(err)
		}
		queuetest.BenchEndToEnd(b, e, newRelay(b))
		if err := e.Close(); err != nil {
			b.Error(err)
		}
	})
}

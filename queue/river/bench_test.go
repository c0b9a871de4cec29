package river_test

import (
	"testing"

	"github.com/depeche-mail/depeche/internal/pgtest"
	"github.com/depeche-mail/depeche/queue"
	"github.com/depeche-mail/depeche/queue/queuetest"
)

// BenchmarkEndToEnd compares a plain loop with the queue, in which all is durable, and with River alone; see make bench-queue.
func BenchmarkEndToEnd(b *testing.B) {
	queuetest.BenchEndToEnd(b, func(b *testing.B) queue.Engine {
		s := startDurable(b)
		e, err := openAt(b.Context(), s.DSN("postgres")+" pool_max_conns=32")
		if err != nil {
			b.Fatal(err)
		}
		return e
	})
	b.Run("alone", benchAlone)
}

// startDurable starts a PostgreSQL that loses nothing which was committed.
func startDurable(b *testing.B) *pgtest.Server {
	b.Helper()
	s, err := pgtest.Start("fsync=on", "synchronous_commit=on", "full_page_writes=on")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(s.Stop)
	return s
}

package bolt_test

import (
	"testing"

	"github.com/depeche-mail/depeche/queue"
	"github.com/depeche-mail/depeche/queue/queuetest"
)

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

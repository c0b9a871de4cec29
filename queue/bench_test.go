package queue_test

import (
	"testing"

	"github.com/depeche-mail/depeche/queue"
	"github.com/depeche-mail/depeche/queue/queuetest"
)

// BenchmarkEndToEnd has the price of the queue itself: its engine keeps all in memory. See make bench-queue.
func BenchmarkEndToEnd(b *testing.B) {
	queuetest.BenchEndToEnd(b, func(*testing.B) queue.Engine { return queue.NewMemory() })
}

package far_test

import (
	"fmt"
	"testing"
)

// TestFar sends some mails in each way that the benchmark compares: Postfix takes each of them once.
func TestFar(t *testing.T) {
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			to := far(t)
			mails := letters(t, way.few)
			to.verify(t, mails, way.open(t, to)(mails))
		})
	}
}

// BenchmarkFar sends a number of mails over one connection to Postfix that is 40 ms away. "x" is how many
// times the speed of net/smtp that is, measured in the same run. What Postfix took is counted after the
// clock. The last one sends to Postfix without the distance, and so tells how fast Postfix is at all.
func BenchmarkFar(b *testing.B) {
	var reference float64
	for i, way := range ways {
		for _, n := range way.messages {
			b.Run(fmt.Sprintf("%s, %d messages", way.name, n), func(b *testing.B) {
				speed := measure(b, far(b), way, n)
				if i == 0 {
					reference = speed
				}
				report(b, speed, reference)
			})
		}
	}
	last := ways[len(ways)-1]
	b.Run("near, "+last.name+", 1000 messages", func(b *testing.B) {
		report(b, measure(b, near(b), last, 1000), reference)
	})
}

// measure returns how many messages a second Postfix takes over a connection that is warm.
func measure(b *testing.B, to postfix, way way, n int) float64 {
	b.Helper()
	send := way.open(b, to)
	first := letters(b, 16)
	to.verify(b, first, send(first))
	for b.Loop() {
		b.StopTimer()
		mails := letters(b, n)
		b.StartTimer()
		ids := send(mails)
		b.StopTimer()
		to.verify(b, mails, ids)
		b.StartTimer()
	}
	return float64(b.N*n) / b.Elapsed().Seconds()
}

func report(b *testing.B, speed, reference float64) {
	b.Helper()
	b.ReportMetric(speed, "messages/s")
	if reference > 0 {
		b.ReportMetric(speed/reference, "x")
	}
}

package peer_test

import (
	"fmt"
	"iter"
	"runtime"
	"testing"
	"time"

	"github.com/depeche-mail/depeche/bench/peer"
	"github.com/depeche-mail/depeche/bench/sink"
	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/smtp"
	"github.com/depeche-mail/depeche/transport/smtp/client"
)

// bulk is one way of SendAll over one connection.
type bulk struct {
	name     string
	depth    int
	chunking client.Chunking
}

var bulks = []bulk{
	{"DATA", 1, client.ChunkingOff},
	{"BDAT, window 1", 1, client.ChunkingTrusted},
	{"BDAT, window 8", 8, client.ChunkingTrusted},
	{"BDAT, window 64", 64, client.ChunkingTrusted},
	{"BDAT, window 1000", 1000, client.ChunkingTrusted},
}

func (b bulk) transport(t testing.TB, target peer.Target) *smtp.Transport {
	t.Helper()
	builder := smtp.DangerousPlaintext(target.Host)
	if target.TLS != nil {
		builder = smtp.Relay(target.Host).TLSConfig(target.TLS)
	}
	sender, err := builder.Port(target.Port).Chunking(b.chunking).BulkWindow(b.depth).Pool(smtp.Pool{MaxOpen: 1}).Build()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sender.Close() })
	return sender
}

// mails yields the same mail n times.
func mails(t testing.TB, n int) iter.Seq[transport.Mail] {
	t.Helper()
	l := load()
	from, err := envelope.ParseAddress(l.From)
	if err != nil {
		t.Fatal(err)
	}
	to, err := envelope.ParseAddress(l.To)
	if err != nil {
		t.Fatal(err)
	}
	env, err := envelope.New(from, to)
	if err != nil {
		t.Fatal(err)
	}
	mail := transport.Raw(env, l.Octets())
	return func(yield func(transport.Mail) bool) {
		for range n {
			if !yield(mail) {
				return
			}
		}
	}
}

func sendAll(t testing.TB, sender *smtp.Transport, n int) {
	t.Helper()
	count := 0
	for sent, err := range transport.SendAll(t.Context(), sender, mails(t, n)) {
		if err != nil {
			t.Fatalf("mail %d: %v", sent.Index, err)
		}
		count++
	}
	if count != n {
		t.Fatalf("%d results of %d", count, n)
	}
}

// TestBulkFlights: in bulk a message costs one round trip in the DATA form, and a window of them one with
// BDAT. A busy machine cuts what is written at once in pieces, so that more is counted: three are allowed.
func TestBulkFlights(t *testing.T) {
	for _, b := range bulks {
		if b.name == "BDAT, window 1" || b.depth > 64 {
			continue
		}
		t.Run(b.name, func(t *testing.T) {
			// As many windows as make the beginning, where the window grows from one, not count.
			n := 200 * b.depth
			server, target := serve(t, condition{extensions: modern, roundTrip: 5 * time.Millisecond})
			sender := b.transport(t, target)
			sendAll(t, sender, 100)
			before := server.Counts()
			sendAll(t, sender, n)
			got := float64(server.Counts().Sub(before).Flights) / float64(n)
			most := 1.05
			if b.chunking == client.ChunkingTrusted {
				most = 3 / float64(b.depth)
			}
			t.Logf("%.3f flights a message", got)
			if got > most {
				t.Errorf("%.3f flights a message, at most %.3f", got, most)
			}
		})
	}
}

// TestBulkAllocations counts what a mail of SendAll allocates, the server's part included: the result, and in
// the DATA form what stuffs dots.
func TestBulkAllocations(t *testing.T) {
	for _, b := range bulks {
		t.Run(b.name, func(t *testing.T) {
			_, target := serve(t, condition{extensions: modern})
			sender := b.transport(t, target)
			n := 1000 + 20*b.depth // the room for a window is made once for each SendAll
			sendAll(t, sender, n)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			sendAll(t, sender, n)
			runtime.ReadMemStats(&after)
			most := 1.5
			if b.chunking == client.ChunkingOff {
				most = 4.5
			}
			if each := float64(after.Mallocs-before.Mallocs) / float64(n); each > most {
				t.Errorf("%.2f allocations a mail, at most %.1f", each, most)
			}
		})
	}
}

// BenchmarkSendAll sends prepared messages over one connection. "x" is how many times the speed of
// net/smtp that is, measured in the same run.
func BenchmarkSendAll(b *testing.B) {
	for _, c := range []struct {
		name string
		condition
	}{
		{"near", condition{extensions: modern}},
		{"near in TLS", condition{extensions: modern, encrypted: true}},
	} {
		b.Run(c.name, func(b *testing.B) {
			var reference float64
			b.Run("net/smtp, one by one", func(b *testing.B) {
				_, target := serve(b, c.condition)
				session := open(b, peer.All()[0], target)
				for b.Loop() {
					if err := session.Send(); err != nil {
						b.Fatal(err)
					}
				}
				reference = b.Elapsed().Seconds() / float64(b.N)
			})
			for _, way := range bulks {
				b.Run(way.name, func(b *testing.B) {
					server, target := serve(b, c.condition)
					run(b, server, way.transport(b, target), reference)
				})
			}
		})
	}
}

func run(b *testing.B, server *sink.Server, sender *smtp.Transport, reference float64) {
	b.Helper()
	sendAll(b, sender, 100)
	before := server.Counts()
	b.ReportAllocs()
	b.ResetTimer()
	sendAll(b, sender, b.N)
	b.StopTimer()
	if reference > 0 {
		b.ReportMetric(reference*float64(b.N)/b.Elapsed().Seconds(), "x")
	}
	b.ReportMetric(float64(server.Counts().Sub(before).Flights)/float64(b.N), "flights/op")
}

// BenchmarkSendAllFar sends a number of messages over a connection that is 40 ms away.
func BenchmarkSendAllFar(b *testing.B) {
	for _, far := range []struct {
		messages int
		way      bulk
	}{
		{100, bulks[0]}, {100, bulks[1]}, {100, bulks[3]}, {5000, bulks[3]}, {5000, bulks[4]},
	} {
		b.Run(fmt.Sprintf("%d messages, %s", far.messages, far.way.name), func(b *testing.B) {
			_, target := serve(b, condition{extensions: modern, roundTrip: 40 * time.Millisecond})
			sender := far.way.transport(b, target)
			sendAll(b, sender, 16) // the connection is warm
			for b.Loop() {
				sendAll(b, sender, far.messages)
			}
			b.ReportMetric(float64(b.N*far.messages)/b.Elapsed().Seconds(), "messages/s")
		})
	}
}

package peer_test

import (
	"errors"
	"fmt"
	"iter"
	"sync"
	"testing"

	"github.com/depeche-mail/depeche/bench/limit"
	"github.com/depeche-mail/depeche/bench/peer"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/smtp"
	"github.com/depeche-mail/depeche/transport/smtp/client"
)

// connections is how many a transport has open at the same time.
const connections = 8

// BenchmarkEight sends prepared mails over eight connections at the same time: one by one on each of them, and in a window of 64.
func BenchmarkEight(b *testing.B) {
	source := preparedSource()
	for _, encrypted := range []bool{false, true} {
		name := "near"
		if encrypted {
			name = "near in TLS"
		}
		b.Run(name, func(b *testing.B) {
			mails := prepare(b)
			measure(b, encrypted, 800,
				way{name: "net/smtp", open: eightTimes(netSMTPLoop)},
				eightLimits("limit, one flight", func(c *limit.Client, n int) error { return c.OneByOne(n, source) }),
				way{name: "depeche, one by one", limit: "limit, one flight", open: eightSends(mails)},
				eightLimits("limit, window 64", func(c *limit.Client, n int) error { return c.Window(n, 64, source) }),
				way{name: "depeche, window 64", limit: "limit, window 64", open: eightWindows(mails)})
		})
	}
}

// share calls do with a part of n for each connection, all at the same time.
func share(n int, do func(connection, n int)) {
	var group sync.WaitGroup
	for i := range connections {
		group.Go(func() { do(i, (n+i)/connections) })
	}
	group.Wait()
}

// eightTimes opens a loop for each connection.
func eightTimes(open func(*testing.B, peer.Target) func(int)) func(*testing.B, peer.Target) func(int) {
	return func(b *testing.B, target peer.Target) func(int) {
		var loops [connections]func(int)
		for i := range loops {
			loops[i] = open(b, target)
		}
		return func(n int) { share(n, func(i, n int) { loops[i](n) }) }
	}
}

func eightLimits(name string, send func(c *limit.Client, n int) error) way {
	return way{name: name, open: func(b *testing.B, target peer.Target) func(int) {
		var clients [connections]*limit.Client
		for i := range clients {
			var err error
			if clients[i], err = limit.Dial(target.Addr(), load().From, load().To, target.TLS); err != nil {
				b.Fatal(err)
			}
			b.Cleanup(func() { _ = clients[i].Close() })
		}
		return func(n int) {
			var errs [connections]error
			share(n, func(i, n int) {
				if n > 0 {
					errs[i] = send(clients[i], n)
				}
			})
			if err := errors.Join(errs[:]...); err != nil {
				b.Fatal(err)
			}
		}
	}}
}

func eightTransport(b *testing.B, target peer.Target, window int) *smtp.Transport {
	b.Helper()
	builder := smtp.DangerousPlaintext(target.Host)
	if target.TLS != nil {
		builder = smtp.Relay(target.Host).TLSConfig(target.TLS)
	}
	sender, err := builder.Port(target.Port).Chunking(client.ChunkingTrusted).BulkWindow(window).
		Pool(smtp.Pool{MaxOpen: connections, MaxIdle: connections}).Build()
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = sender.Close() })
	return sender
}

// eightSends calls Send in as many goroutines as there are connections.
func eightSends(mails func(n int) iter.Seq[transport.Mail]) func(*testing.B, peer.Target) func(int) {
	return func(b *testing.B, target peer.Target) func(int) {
		sender := eightTransport(b, target, 1)
		return func(n int) {
			share(n, func(_, n int) {
				for mail := range mails(n) {
					if _, err := sender.Send(b.Context(), mail); err != nil {
						b.Error(err)
						return
					}
				}
			})
		}
	}
}

// eightWindows calls SendAll once, which spreads its mails over the connections.
func eightWindows(mails func(n int) iter.Seq[transport.Mail]) func(*testing.B, peer.Target) func(int) {
	return func(b *testing.B, target peer.Target) func(int) {
		sender := eightTransport(b, target, 64)
		return func(n int) {
			for sent, err := range transport.SendAll(b.Context(), sender, mails(n)) {
				if err != nil {
					b.Fatal(fmt.Errorf("mail %d: %w", sent.Index, err))
				}
			}
		}
	}
}

package peer_test

import (
	"crypto/tls"
	"fmt"
	"iter"
	"math"
	"net"
	"net/smtp"
	"runtime"
	"testing"

	"github.com/depeche-mail/depeche/bench/limit"
	"github.com/depeche-mail/depeche/bench/peer"
	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/message"
	"github.com/depeche-mail/depeche/transport"
)

// different is how many mails of other octets are sent in turn.
const different = 1000

// prepared returns mails that differ in their Message-ID and their subject.
func prepared() [][]byte {
	all := make([][]byte, different)
	for i := range all {
		l := load()
		l.Header[3].Value = fmt.Sprintf("<%d@example.org>", i)
		l.Header[4].Value = fmt.Sprintf("kibibyte %d of text", i)
		all[i] = l.Octets()
	}
	return all
}

// prepare returns what yields n of them, each made a Mail when it is asked for.
func prepare(b *testing.B) func(n int) iter.Seq[transport.Mail] {
	b.Helper()
	all, envelopes := prepared(), make([]envelope.Envelope, different)
	from, err := envelope.ParseAddress(load().From)
	if err != nil {
		b.Fatal(err)
	}
	for i := range envelopes {
		to, err := envelope.ParseAddress(fmt.Sprintf("user%d@example.net", i))
		if err != nil {
			b.Fatal(err)
		}
		if envelopes[i], err = envelope.New(from, to); err != nil {
			b.Fatal(err)
		}
	}
	return func(n int) iter.Seq[transport.Mail] {
		return func(yield func(transport.Mail) bool) {
			for i := range n {
				if !yield(transport.Raw(envelopes[i%different], all[i%different])) {
					return
				}
			}
		}
	}
}

// recipients are the addresses and the texts of mails that differ in both.
func recipients() (addresses, texts []string) {
	for i := range different {
		addresses = append(addresses, fmt.Sprintf("user%d@example.net", i))
		texts = append(texts, fmt.Sprintf("%04d", i)+load().Body[len("0000"):])
	}
	return addresses, texts
}

// compose returns what yields n messages, each composed when it is asked for, to another recipient, with another text.
func compose(b testing.TB) func(n int) iter.Seq[transport.Mail] {
	b.Helper()
	to, texts := recipients()
	return func(n int) iter.Seq[transport.Mail] {
		return func(yield func(transport.Mail) bool) {
			for i := range n {
				m, err := message.New().From("a@example.org").To(to[i%different]).Subject("a kibibyte of text").Text(texts[i%different]).Build()
				if err != nil {
					b.Error(err)
					return
				}
				if !yield(m) {
					return
				}
			}
		}
	}
}

// preparedSource is what a program without any library does with prepared mails.
func preparedSource() limit.Source {
	all := prepared()
	return func(dst []byte, i int) []byte { return append(dst, all[i%different]...) }
}

// composedSource is what a program without any library does to compose.
func composedSource() limit.Source {
	to, texts := recipients()
	return func(dst []byte, i int) []byte {
		h := limit.Header{From: "<a@example.org>", To: to[i%different], Subject: "a kibibyte of text"}
		return limit.AppendText(dst, h, texts[i%different])
	}
}

// atLimit makes a way of a limit.
func atLimit(name string, send func(c *limit.Client, n int) error) way {
	return way{name: name, open: func(b *testing.B, target peer.Target) func(int) {
		c, err := limit.Dial(target.Addr(), load().From, load().To, target.TLS)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = c.Close() })
		return func(n int) {
			if err := send(c, n); err != nil {
				b.Fatal(err)
			}
		}
	}}
}

// BenchmarkStream sends a kibibyte of text over one connection: prepared messages that differ, and composed ones.
func BenchmarkStream(b *testing.B) {
	for _, encrypted := range []bool{false, true} {
		name := "near"
		if encrypted {
			name = "near in TLS"
		}
		b.Run(name+"/prepared", func(b *testing.B) {
			measure(b, encrypted, 100, streams(way{name: "net/smtp", open: netSMTPLoop}, preparedSource(), prepare(b))...)
		})
		b.Run(name+"/composed", func(b *testing.B) {
			measure(b, encrypted, 100, streams(way{name: "net/smtp and go-message", open: composedLoop}, composedSource(), compose(b))...)
		})
	}
}

// streams are the ways to send many mails: that of a peer, and for each window the limit and ours.
func streams(first way, source limit.Source, mails func(n int) iter.Seq[transport.Mail]) []way {
	ways := []way{first}
	for _, bulk := range bulks[2:] {
		bound := fmt.Sprintf("limit, window %d", bulk.depth)
		ways = append(ways, atLimit(bound, func(c *limit.Client, n int) error { return c.Window(n, bulk.depth, source) }))
		ways = append(ways, way{name: fmt.Sprintf("depeche, window %d", bulk.depth), limit: bound, open: func(b *testing.B, target peer.Target) func(int) {
			sender := bulk.transport(b, target)
			return func(n int) {
				for sent, err := range transport.SendAll(b.Context(), sender, mails(n)) {
					if err != nil {
						b.Fatalf("mail %d: %v", sent.Index, err)
					}
				}
			}
		}})
	}
	return ways
}

// BenchmarkOneByOne sends a kibibyte of text over one connection, one after the other: prepared messages and composed ones.
func BenchmarkOneByOne(b *testing.B) {
	limits := func(source limit.Source) []way {
		return []way{
			atLimit("limit, sequential", func(c *limit.Client, n int) error { return c.Sequential(n, source) }),
			atLimit("limit, pipelined", func(c *limit.Client, n int) error { return c.Pipelined(n, source) }),
			atLimit("limit, one flight", func(c *limit.Client, n int) error { return c.OneByOne(n, source) }),
		}
	}
	b.Run("prepared", func(b *testing.B) {
		ways := []way{{name: "net/smtp", open: netSMTPLoop}}
		ways = append(ways, limits(preparedSource())...)
		mails := prepare(b)
		measure(b, false, 100, append(ways, way{name: "depeche", limit: "limit, one flight", open: func(b *testing.B, target peer.Target) func(int) {
			s := sender(b, target)
			return func(n int) {
				for mail := range mails(n) {
					if _, err := s.Send(b.Context(), mail); err != nil {
						b.Fatal(err)
					}
				}
			}
		}})...)
	})
	b.Run("composed", func(b *testing.B) {
		ways := []way{{name: "net/smtp and go-message", open: composedLoop}}
		ways = append(ways, limits(composedSource())...)
		measure(b, false, 100, append(ways, again("limit, one flight", composers()[1:])...)...)
	})
}

// BenchmarkAttachment composes and sends a file of 25 MiB each time.
func BenchmarkAttachment(b *testing.B) {
	path := bigFile(b)
	ways := again("limit", attachers(path))
	bound := atLimit("limit", func(c *limit.Client, n int) error {
		return c.Attachment(n, limit.Header{From: "<a@example.org>", To: "<b@example.net>", Subject: "x"}, path)
	})
	measure(b, false, 2, ways[0], bound, ways[1])
}

// again makes ways of what does something once.
func again(bound string, doers []doer) []way {
	var ways []way
	for _, d := range doers {
		ways = append(ways, way{name: d.name, limit: bound, open: func(b *testing.B, target peer.Target) func(int) {
			do := d.open(b, target)
			return func(n int) {
				for range n {
					if err := do(); err != nil {
						b.Fatal(err)
					}
				}
			}
		}})
	}
	return ways
}

func netSMTPLoop(b *testing.B, target peer.Target) func(n int) {
	session := open(b, peer.All()[0], target)
	return func(n int) {
		for range n {
			if err := session.Send(); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func composedLoop(b *testing.B, target peer.Target) func(n int) {
	conn, err := net.Dial("tcp", target.Addr())
	if err != nil {
		b.Fatal(err)
	}
	if target.TLS != nil {
		conn = tls.Client(conn, target.TLS)
	}
	client, err := smtp.NewClient(conn, target.Host)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = client.Close() })
	_, texts := recipients()
	return func(n int) {
		for i := range n {
			if err := goMessageSend(client, texts[i%different]); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// TestComposedMemory counts what a mail that is composed and sent in bulk allocates, the server's part included: less than the
// mail is long, because its text is not copied.
func TestComposedMemory(t *testing.T) {
	const n = 20_000
	_, target := serve(t, condition{extensions: modern})
	sender, mails := bulks[3].transport(t, target), compose(t)
	send := func() {
		for sent, err := range transport.SendAll(t.Context(), sender, mails(n)) {
			if err != nil {
				t.Fatalf("mail %d: %v", sent.Index, err)
			}
		}
	}
	send() // what is learned once is known
	allocations, octets := math.Inf(1), math.Inf(1)
	for range 3 { // the least, since a collection empties pools
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		send()
		runtime.ReadMemStats(&after)
		allocations = min(allocations, float64(after.Mallocs-before.Mallocs)/n)
		octets = min(octets, float64(after.TotalAlloc-before.TotalAlloc)/n)
	}
	if allocations > 3.5 || octets > 950 {
		t.Errorf("%.1f allocations of %.0f octets a mail", allocations, octets)
	}
}

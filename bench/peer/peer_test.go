package peer_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"math/big"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/depeche-mail/depeche/bench/link"
	"github.com/depeche-mail/depeche/bench/peer"
	"github.com/depeche-mail/depeche/bench/sink"
)

var modern = []string{"PIPELINING", "CHUNKING", "8BITMIME", "SIZE 104857600"}

// load is a kibibyte of text.
func load() peer.Load {
	return peer.Load{
		From: "a@example.org", To: "b@example.net",
		Header: []peer.Field{
			{Name: "From", Value: "<a@example.org>"},
			{Name: "To", Value: "<b@example.net>"},
			{Name: "Date", Value: "Wed, 25 Nov 2026 12:00:00 +0000"},
			{Name: "Message-ID", Value: "<1@example.org>"},
			{Name: "Subject", Value: "a kibibyte of text"},
		},
		Body: strings.Repeat("The quick brown fox jumps over the lazy dog, again.\r\n", 20),
	}
}

// condition is a server and the way to it.
type condition struct {
	extensions []string
	encrypted  bool
	apart      bool // each reply is written by itself, without TCP_NODELAY
	roundTrip  time.Duration
}

// serve starts a sink under a condition.
func serve(t testing.TB, c condition) (*sink.Server, peer.Target) {
	t.Helper()
	config := sink.Config{Extensions: c.extensions, Apart: c.apart}
	var client *tls.Config
	if c.encrypted {
		config.TLS, client = certificate(t)
	}
	server := start(t, config)
	target := reach(t, server, c.roundTrip)
	target.TLS = client
	return server, target
}

func start(t testing.TB, config sink.Config) *sink.Server {
	t.Helper()
	server, err := sink.Start(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	return server
}

// reach returns the way to a server.
func reach(t testing.TB, server *sink.Server, roundTrip time.Duration) peer.Target {
	t.Helper()
	address := server.Addr()
	if roundTrip > 0 {
		way, err := link.Start(address, roundTrip)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = way.Close() })
		address = way.Addr()
	}
	host, text, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return peer.Target{Host: host, Port: port}
}

// certificate makes the settings of a server and of a client that trusts it.
func certificate(t testing.TB) (server, client *tls.Config) {
	t.Helper()
	server, root, err := makeCertificate()
	if err != nil {
		t.Fatal(err)
	}
	return server, trust(root)
}

// trust returns the settings of a client.
func trust(root *x509.Certificate) *tls.Config {
	roots := x509.NewCertPool()
	roots.AddCert(root)
	return &tls.Config{RootCAs: roots, ServerName: "127.0.0.1"}
}

// makeCertificate makes the settings of a server, whose certificate has one between itself and the root, as
// those of public relays do.
func makeCertificate() (server *tls.Config, root *x509.Certificate, err error) {
	top, err := issue("root", &x509.Certificate{IsCA: true}, nil)
	if err != nil {
		return nil, nil, err
	}
	middle, err := issue("middle", &x509.Certificate{IsCA: true}, top)
	if err != nil {
		return nil, nil, err
	}
	leaf, err := issue("leaf", &x509.Certificate{IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}, middle)
	if err != nil {
		return nil, nil, err
	}
	leaf.Certificate = append(leaf.Certificate, middle.Certificate...)
	return &tls.Config{Certificates: []tls.Certificate{*leaf}}, top.Leaf, nil
}

// issue makes a certificate, signed by the one above it, or by itself.
func issue(name string, template *x509.Certificate, above *tls.Certificate) (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template.SerialNumber, template.NotAfter, template.BasicConstraintsValid = big.NewInt(1), time.Now().Add(time.Hour), true
	template.Subject.CommonName = name
	if above == nil {
		above = &tls.Certificate{Leaf: template, PrivateKey: key}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, above.Leaf, key.Public(), above.PrivateKey)
	if err != nil {
		return nil, err
	}
	parsed, err := x509.ParseCertificate(der)
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: parsed}, err
}

// TestFlights counts the round trips of a message over a connection that has carried some. That of ours
// is a promise; those of the others show that the sink counts what it should.
func TestFlights(t *testing.T) {
	const messages = 10
	for _, tc := range []struct {
		extensions []string
		want       map[string]int64
	}{
		{modern, map[string]int64{"depeche": 1, "net/smtp": 4, "go-smtp": 4, "gomail.v2": 4, "go-mail": 7}},
		{[]string{"PIPELINING"}, map[string]int64{"depeche": 2, "net/smtp": 4, "go-smtp": 4, "gomail.v2": 4, "go-mail": 7}},
		{nil, map[string]int64{"depeche": 4, "net/smtp": 4, "go-smtp": 4, "gomail.v2": 4, "go-mail": 7}},
	} {
		for _, p := range peer.All() {
			t.Run(fmt.Sprintf("%s/%s", strings.Join(tc.extensions, "+"), p.Name), func(t *testing.T) {
				server, target := serve(t, condition{extensions: tc.extensions})
				session := open(t, p, target)
				before := server.Counts()
				for range messages {
					if err := session.Send(); err != nil {
						t.Fatal(err)
					}
				}
				got := server.Counts().Sub(before)
				if got.Messages != messages || got.Connections != 0 || got.Flights != messages*tc.want[p.Name] {
					t.Errorf("%d messages took %d flights and %d connections, want %d flights", got.Messages, got.Flights, got.Connections, messages*tc.want[p.Name])
				}
			})
		}
	}
}

// open returns a session that has sent two messages, so that what is learned once is known.
func open(t testing.TB, p peer.Peer, target peer.Target) peer.Session {
	t.Helper()
	session, err := p.Open(target, load())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := session.Close(); err != nil {
			t.Error(err)
		}
	})
	for range 2 {
		if err := session.Send(); err != nil {
			t.Fatal(err)
		}
	}
	return session
}

// BenchmarkSend sends one message after the other over one connection. "x" is how many times the first
// library's speed that is, measured in the same run; "longest-ms" is what the slowest message took, which shows
// stalls: a delayed acknowledgement costs 40 ms.
func BenchmarkSend(b *testing.B) {
	for _, c := range []struct {
		name string
		condition
	}{
		{"near", condition{extensions: modern}},
		{"near in TLS", condition{extensions: modern, encrypted: true}},
		{"replies apart", condition{extensions: modern, apart: true}},
		{"replies apart in TLS", condition{extensions: modern, apart: true, encrypted: true}},
		{"40 ms away", condition{extensions: modern, roundTrip: 40 * time.Millisecond}},
	} {
		b.Run(c.name, func(b *testing.B) {
			var reference float64
			for _, p := range peer.All() {
				b.Run(p.Name, func(b *testing.B) {
					server, target := serve(b, c.condition)
					session := open(b, p, target)
					before := server.Counts()
					b.ReportAllocs()
					var longest time.Duration
					for b.Loop() {
						start := time.Now()
						if err := session.Send(); err != nil {
							b.Fatal(err)
						}
						longest = max(longest, time.Since(start))
					}
					b.ReportMetric(float64(longest.Microseconds())/1000, "longest-ms")
					each := b.Elapsed().Seconds() / float64(b.N)
					if reference == 0 {
						reference = each
					}
					b.ReportMetric(reference/each, "x")
					b.ReportMetric(float64(server.Counts().Sub(before).Flights)/float64(b.N), "flights/op")
				})
			}
		})
	}
}

package signed

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/depeche-mail/depeche/bench/sink"
	"github.com/depeche-mail/depeche/dkim"
	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/policy"
	"github.com/depeche-mail/depeche/transport/smtp"
	"github.com/depeche-mail/depeche/transport/smtp/client"
	msgauth "github.com/emersion/go-msgauth/dkim"
)

const header = "From: Alice <alice@example.org>\r\nTo: Bob <bob@example.net>\r\nSubject: a letter\r\nDate: Wed, 4 Mar 2026 05:06:07 +0000\r\n" +
	"Message-ID: <1@example.org>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 7bit\r\n\r\n"

// contents are what bodies consist of.
var contents = map[string]string{
	"base64": strings.Repeat("QUJD", 19) + "\r\n",
	"prose":  "The quick brown fox jumps over the lazy dog, and then it does so again.\r\n",
	"spaces": "a\tline  with all kinds \t of white\tspace  in  it \r\n",
}

func octets(kind string, size int) []byte {
	line := contents[kind]
	return []byte(header + strings.Repeat(line, size/len(line)))
}

func mail(t testing.TB, text []byte) transport.Mail {
	t.Helper()
	from, err := envelope.ParseAddress("alice@example.org")
	if err != nil {
		t.Fatal(err)
	}
	to, err := envelope.ParseAddress("bob@example.net")
	if err != nil {
		t.Fatal(err)
	}
	env, err := envelope.New(from, to)
	if err != nil {
		t.Fatal(err)
	}
	return transport.Raw(env, text)
}

func keys(t testing.TB) map[string]crypto.Signer {
	t.Helper()
	short, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]crypto.Signer{"Ed25519": edKey, "RSA-2048": short}
}

func signer(t testing.TB, key crypto.Signer) *dkim.Signer {
	t.Helper()
	s, err := dkim.Sign("example.org").Key("s", key).Build()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// BenchmarkSign signs and writes one mail with each library in turn, so that a busy machine slows both; x is how
// many times as fast depeche is, and x-cpu the same by the time for which each had a core.
func BenchmarkSign(b *testing.B) {
	keys := keys(b)
	for _, c := range []struct {
		key, kind string
		size      int
	}{
		{"Ed25519", "base64", 4 << 10},
		{"Ed25519", "prose", 4 << 10},
		{"RSA-2048", "prose", 4 << 10},
		{"Ed25519", "base64", 10 << 20},
		{"Ed25519", "prose", 10 << 20},
		{"Ed25519", "spaces", 10 << 20},
	} {
		b.Run(fmt.Sprintf("%s/%s/%dKiB", c.key, c.kind, c.size>>10), func(b *testing.B) {
			text := octets(c.kind, c.size)
			m, s := mail(b, text), signer(b, keys[c.key])
			options := &msgauth.SignOptions{
				Domain: "example.org", Selector: "s", Signer: keys[c.key],
				HeaderCanonicalization: msgauth.CanonicalizationRelaxed, BodyCanonicalization: msgauth.CanonicalizationRelaxed,
			}
			var ours, others, oursBusy, othersBusy time.Duration
			b.ReportAllocs()
			for b.Loop() {
				begin, beginBusy := time.Now(), busy()
				signed, err := s.Sign(b.Context(), m)
				if err == nil {
					_, err = signed.WriteTo(io.Discard)
				}
				if err != nil {
					b.Fatal(err)
				}
				between, betweenBusy := time.Now(), busy()
				if err := msgauth.Sign(io.Discard, bytes.NewReader(text), options); err != nil {
					b.Fatal(err)
				}
				ours += between.Sub(begin)
				others += time.Since(between)
				oursBusy += betweenBusy - beginBusy
				othersBusy += busy() - betweenBusy
			}
			b.ReportMetric(float64(others)/float64(ours), "x")
			b.ReportMetric(float64(othersBusy)/float64(oursBusy), "x-cpu")
			b.ReportMetric(float64(c.size)*float64(b.N)/ours.Seconds()/1e6, "MB/s")
			b.ReportMetric(float64(ours.Microseconds())/float64(b.N), "us/signed")
		})
	}
}

// TestBothVerify: what is compared are signatures that hold.
func TestBothVerify(t *testing.T) {
	for name, key := range keys(t) {
		s := signer(t, key)
		record, err := dkim.NewRecord(key)
		if err != nil {
			t.Fatal(err)
		}
		for kind := range contents {
			signed, err := s.Sign(t.Context(), mail(t, octets(kind, 4<<10)))
			if err != nil {
				t.Fatal(err)
			}
			var text bytes.Buffer
			if _, err := signed.WriteTo(&text); err != nil {
				t.Fatal(err)
			}
			found, err := msgauth.VerifyWithOptions(&text, &msgauth.VerifyOptions{LookupTXT: func(string) ([]string, error) { return []string{record.String()}, nil }})
			if err != nil || len(found) != 1 || found[0].Err != nil {
				t.Errorf("%s, %s: %v, %v", name, kind, found, err)
			}
		}
	}
}

// relay is a transport over TLS to a server that takes everything, with many mails in flight.
func relay(b *testing.B) transport.Transport {
	b.Helper()
	certified := httptest.NewUnstartedServer(nil) // for its certificate
	certified.StartTLS()
	b.Cleanup(certified.Close)
	roots := x509.NewCertPool()
	roots.AddCert(certified.Certificate())
	server, err := sink.Start(sink.Config{Extensions: []string{"PIPELINING", "8BITMIME", "CHUNKING", "SIZE"}, TLS: certified.TLS})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = server.Close() })
	host, text, err := net.SplitHostPort(server.Addr())
	if err != nil {
		b.Fatal(err)
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		b.Fatal(err)
	}
	sender, err := smtp.Relay(host).Port(port).TLSConfig(&tls.Config{RootCAs: roots}).Chunking(client.ChunkingTrusted).BulkWindow(64).
		Pool(smtp.Pool{MaxOpen: 2}).Build()
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = sender.Close() })
	return sender
}

// BenchmarkSendAll sends kibibytes over two connections; x is the rate in relation to unsigned mail in the same run,
// and cores how many there are to sign with. Wrapped is what a function around Send would do.
func BenchmarkSendAll(b *testing.B) {
	keys := keys(b)
	plain := 0.0
	wrapped := func(s *dkim.Signer) func(transport.Transport) (transport.Transport, error) {
		return func(next transport.Transport) (transport.Transport, error) {
			return policy.Wrap{Next: next, Middleware: []policy.Middleware{
				func(ctx context.Context, m transport.Mail, next transport.Transport) (*transport.Result, error) {
					signed, err := s.Sign(ctx, m)
					if err != nil {
						return transport.Fail(m, transport.PhaseMessage, err)
					}
					return next.Send(ctx, signed)
				},
			}}.Build()
		}
	}
	prepared := func(s *dkim.Signer, ahead int) func(transport.Transport) (transport.Transport, error) {
		return func(next transport.Transport) (transport.Transport, error) {
			return policy.Prepare{Next: next, Sign: s, Ahead: ahead}.Build()
		}
	}
	for _, c := range []struct {
		name string
		over func(transport.Transport) (transport.Transport, error)
	}{
		{"unsigned", func(next transport.Transport) (transport.Transport, error) { return next, nil }},
		{"no step", func(next transport.Transport) (transport.Transport, error) {
			return policy.Prepare{Next: next, Steps: []policy.Step{keep}}.Build()
		}},
		{"no limit", func(next transport.Transport) (transport.Transport, error) {
			return policy.Limit{Next: next, Recipients: 100}.Build()
		}},
		{"Ed25519", prepared(signer(b, keys["Ed25519"]), 0)},
		{"Ed25519/one ahead", prepared(signer(b, keys["Ed25519"]), 1)},
		{"Ed25519/wrapped", wrapped(signer(b, keys["Ed25519"]))},
		{"RSA-2048", prepared(signer(b, keys["RSA-2048"]), 0)},
		{"RSA-2048/one ahead", prepared(signer(b, keys["RSA-2048"]), 1)},
		{"RSA-2048/wrapped", wrapped(signer(b, keys["RSA-2048"]))},
	} {
		b.Run(c.name, func(b *testing.B) {
			sender, err := c.over(relay(b))
			if err != nil {
				b.Fatal(err)
			}
			m := mail(b, octets("prose", 1<<10))
			b.ReportAllocs()
			for sent, err := range transport.SendAll(b.Context(), sender, func(yield func(transport.Mail) bool) {
				for b.Loop() && yield(m) {
				}
			}) {
				if err != nil {
					b.Fatal(sent.Index, err)
				}
			}
			rate := float64(b.N) / b.Elapsed().Seconds()
			if plain == 0 {
				plain = rate
			}
			b.ReportMetric(rate/plain, "x")
			b.ReportMetric(rate, "mails/s")
			b.ReportMetric(float64(runtime.GOMAXPROCS(0)), "cores")
		})
	}
}

// keep is a step that does nothing.
func keep(_ context.Context, m transport.Mail) ([]transport.Mail, error) {
	return []transport.Mail{m}, nil
}

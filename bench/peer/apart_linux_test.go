package peer_test

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"testing"

	"github.com/depeche-mail/depeche/bench/peer"
	"github.com/depeche-mail/depeche/bench/sink"
	depeche "github.com/depeche-mail/depeche/transport/smtp"
)

// sinkMode tells the process, a child of a benchmark, to be the server: "plain" or "tls".
const sinkMode = "DEPECHE_BENCH_SINK"

func TestMain(m *testing.M) {
	if mode := os.Getenv(sinkMode); mode != "" {
		if err := beSink(mode == "tls"); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// beSink serves until its input ends. It prints its address, and the root of its certificate as a PEM block.
func beSink(encrypted bool) error {
	config := sink.Config{Extensions: modern}
	var der []byte
	if encrypted {
		server, root, err := makeCertificate()
		if err != nil {
			return err
		}
		config.TLS, der = server, root.Raw
	}
	server, err := sink.Start(config)
	if err != nil {
		return err
	}
	fmt.Printf("%s\n%s", server.Addr(), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	if err := os.Stdout.Close(); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// apart starts a sink in a process of its own, so that what the process uses is what the client uses.
func apart(b *testing.B, encrypted bool) peer.Target {
	b.Helper()
	child := exec.Command(os.Args[0]) // it ends with its input, after the clean-up of the sessions
	mode := "plain"
	if encrypted {
		mode = "tls"
	}
	child.Env = append(os.Environ(), sinkMode+"="+mode)
	child.Stderr = os.Stderr
	input, err := child.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	output, err := child.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := child.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = input.Close()
		_ = child.Wait()
	})
	lines := bufio.NewReader(output)
	address, err := lines.ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	rest, err := io.ReadAll(lines)
	if err != nil {
		b.Fatal(err)
	}
	host, text, err := net.SplitHostPort(address[:len(address)-1])
	if err != nil {
		b.Fatal(err)
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		b.Fatal(err)
	}
	target := peer.Target{Host: host, Port: port}
	if encrypted {
		block, _ := pem.Decode(rest)
		if block == nil {
			b.Fatalf("no certificate: %q", rest)
		}
		root, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			b.Fatal(err)
		}
		target.TLS = trust(root)
	}
	return target
}

// used returns the seconds of CPU that the process has used.
func used(b *testing.B) float64 {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}

// way is one way of sending a number of messages.
type way struct {
	name  string
	open  func(b *testing.B, target peer.Target) (send func(n int))
	limit string // the name of the way, before it, of which the share is told; "" for none
}

// measure runs ways, each against a server in another process. "x" is the speed in relation to the first
// one, "share" the part of the speed of a limit, "cpu-s/1k" what the client uses for a thousand messages; warm messages
// are sent before. Give the client and its children one core with taskset, and -test.cpu 1: a wake-up on another core
// costs more than a message.
func measure(b *testing.B, encrypted bool, warm int, ways ...way) {
	b.Helper()
	seconds := map[string]float64{} // for a message
	for _, w := range ways {
		b.Run(w.name, func(b *testing.B) {
			send := w.open(b, apart(b, encrypted))
			send(warm)
			before := used(b)
			b.ReportAllocs()
			b.ResetTimer()
			send(b.N)
			b.StopTimer()
			each := b.Elapsed().Seconds() / float64(b.N)
			seconds[w.name] = each
			if first := seconds[ways[0].name]; first > 0 {
				b.ReportMetric(first/each, "x")
			}
			if least := seconds[w.limit]; least > 0 {
				b.ReportMetric(least/each, "share")
			}
			b.ReportMetric((used(b)-before)/float64(b.N)*1000, "cpu-s/1k")
		})
	}
}

// BenchmarkHandshakes opens connections in TLS and sends a mail over each, with and without what was learned by
// the one before. net/smtp does it with the session cache of crypto/tls.
func BenchmarkHandshakes(b *testing.B) {
	build := func(b *testing.B, target peer.Target) *depeche.Transport {
		b.Helper()
		s, err := depeche.Relay(target.Host).Port(target.Port).TLSConfig(target.TLS).Pool(depeche.Pool{MaxMessages: 1}).Build()
		if err != nil {
			b.Fatal(err)
		}
		return s
	}
	send := func(b *testing.B, s *depeche.Transport, n int) {
		b.Helper()
		for m := range mails(b, n) {
			if _, err := s.Send(b.Context(), m); err != nil {
				b.Fatal(err)
			}
		}
	}
	standard := func(b *testing.B, target peer.Target, n int) {
		b.Helper()
		for range n {
			session, err := peer.All()[0].Open(target, load())
			if err != nil {
				b.Fatal(err)
			}
			if err := errors.Join(session.Send(), session.Close()); err != nil {
				b.Fatal(err)
			}
		}
	}
	measure(b, true, 10,
		way{name: "net/smtp, first", open: func(b *testing.B, target peer.Target) func(int) {
			return func(n int) { standard(b, target, n) }
		}},
		way{name: "net/smtp, resumed", open: func(b *testing.B, target peer.Target) func(int) {
			target.TLS = target.TLS.Clone()
			target.TLS.ClientSessionCache = tls.NewLRUClientSessionCache(1)
			return func(n int) { standard(b, target, n) }
		}},
		way{name: "first", open: func(b *testing.B, target peer.Target) func(int) {
			return func(n int) {
				for range n {
					s := build(b, target)
					send(b, s, 1)
					_ = s.Close()
				}
			}
		}},
		way{name: "resumed", open: func(b *testing.B, target peer.Target) func(int) {
			s := build(b, target)
			b.Cleanup(func() { _ = s.Close() })
			return func(n int) { send(b, s, n) }
		}})
}

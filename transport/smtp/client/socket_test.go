package client_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/depeche-mail/depeche/internal/bodyscan"
	"github.com/depeche-mail/depeche/transport/smtp/client"
	"github.com/depeche-mail/depeche/transport/smtp/response"
)

// dial returns a session over a real socket with a server that runs serve, and waits for serve at the
// end of the test.
func dial(t *testing.T, cfg client.Config, serve func(nc *net.TCPConn)) *client.Conn {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan struct{})
	go func() {
		defer close(served)
		nc, err := l.Accept()
		if err != nil {
			return
		}
		defer nc.Close()
		serve(nc.(*net.TCPConn))
	}()
	t.Cleanup(func() {
		_ = l.Close()
		<-served
	})
	cfg.TLS, cfg.Address = client.TLSNone, l.Addr().String()
	conn, err := client.Dial(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// welcome greets and answers EHLO.
func welcome(nc net.Conn, keywords ...string) *bufio.Reader {
	r := bufio.NewReader(nc)
	_, _ = io.WriteString(nc, "220 mx\r\n")
	_, _ = r.ReadString('\n')
	_, _ = io.WriteString(nc, "250-"+strings.Join(append([]string{"mx"}, keywords...), "\r\n250-")+"\r\n250 HELP\r\n")
	return r
}

func skip(r *bufio.Reader, lines int) {
	for range lines {
		_, _ = r.ReadString('\n')
	}
}

// big is a mail of about n octets.
func big(t *testing.T, n int, to ...string) *rawMail {
	t.Helper()
	return &rawMail{env: testEnvelope(t, "a@x.org", to...), data: strings.Repeat(strings.Repeat("x", 62)+"\r\n", n/64), fail: -1}
}

// TestEarlyRefusal: a refusal in the middle of the content reaches the caller, not "broken pipe", and a half-closed stream does not count as success.
func TestEarlyRefusal(t *testing.T) {
	for name, keywords := range map[string][]string{"DATA": pipelining, "BDAT": chunking} {
		t.Run(name, func(t *testing.T) {
			conn := dial(t, trusted, func(nc *net.TCPConn) {
				r := welcome(nc, keywords...)
				if name == "DATA" {
					skip(r, 3)
					_, _ = io.WriteString(nc, "250 ok\r\n250 ok\r\n354 go\r\n")
				} else {
					skip(r, 2)
					_, _ = io.WriteString(nc, "250 ok\r\n250 ok\r\n")
				}
				_, _ = io.CopyN(io.Discard, r, 100_000)
				_, _ = io.WriteString(nc, "552 5.3.4 too big\r\n")
				_ = nc.SetLinger(0) // the close is a reset
			})
			receipt := conn.Send(t.Context(), big(t, 64<<20, "b@x.org"))
			v := receipt.Recipients[0]
			if v.Outcome != client.Rejected || v.Response.Code != 552 || receipt.Err == nil || conn.Err() == nil {
				t.Errorf("%v %v, %v", v.Outcome, v.Response, receipt.Err)
			}
		})
	}
}

// TestServerStopsReading: the limit of the body ends it.
func TestServerStopsReading(t *testing.T) {
	stop := make(chan struct{})
	conn := dial(t, client.Config{Timeouts: client.Timeouts{Body: 50 * time.Millisecond}}, func(nc *net.TCPConn) {
		r := welcome(nc, pipelining...)
		skip(r, 3)
		_, _ = io.WriteString(nc, "250 ok\r\n250 ok\r\n354 go\r\n")
		<-stop
	})
	receipt := conn.Send(t.Context(), big(t, 64<<20, "b@x.org"))
	close(stop)
	if receipt.Recipients[0].Outcome != client.NotSent || !errors.Is(receipt.Err, os.ErrDeadlineExceeded) {
		t.Errorf("%v, %v", receipt.Recipients[0].Outcome, receipt.Err)
	}
}

// TestManyRecipients: 10,000 recipients and a server that does not read while it writes, with small
// buffers: no deadlock, and each recipient has its own reply.
func TestManyRecipients(t *testing.T) {
	const n = 10_000
	conn := dial(t, client.Config{}, func(nc *net.TCPConn) {
		_ = nc.SetReadBuffer(4096)
		_ = nc.SetWriteBuffer(4096)
		r := welcome(nc, pipelining...)
		skip(r, 1)
		_, _ = io.WriteString(nc, "250 ok\r\n")
		for i := range n {
			skip(r, 1)
			if i%2 == 0 {
				_, _ = fmt.Fprintf(nc, "250 ok %d\r\n", i)
			} else {
				_, _ = fmt.Fprintf(nc, "550 5.1.1 nobody %d\r\n", i)
			}
		}
		skip(r, 1)
		_, _ = io.WriteString(nc, "354 go\r\n")
		for {
			line, err := r.ReadString('\n')
			if err != nil || line == ".\r\n" {
				break
			}
		}
		_, _ = io.WriteString(nc, "250 queued\r\n")
	})
	to := make([]string, n)
	for i := range to {
		to[i] = fmt.Sprintf("r%d@x.org", i)
	}
	receipt := conn.Send(t.Context(), big(t, 64, to...))
	for i, v := range receipt.Recipients {
		if accepted := i%2 == 0; accepted != (v.Outcome == client.Accepted) || !accepted && v.Response.Lines[0] != fmt.Sprintf("nobody %d", i) {
			t.Fatalf("recipient %d: %v %v", i, v.Outcome, v.Response)
		}
	}
}

// TestEndlessReply: a reply of 64 MB is a protocol error after its limit, without the memory for it.
func TestEndlessReply(t *testing.T) {
	for name, piece := range map[string][]byte{
		"one line":           bytes.Repeat([]byte("x"), 1<<20),
		"continuation lines": bytes.Repeat([]byte("250-more\r\n"), 1<<16),
	} {
		t.Run(name, func(t *testing.T) {
			conn := dial(t, client.Config{}, func(nc *net.TCPConn) {
				skip(welcome(nc, pipelining...), 1)
				for range 64 << 20 / len(piece) {
					if _, err := nc.Write(piece); err != nil {
						return
					}
				}
			})
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			receipt := conn.Send(t.Context(), big(t, 64, "b@x.org"))
			runtime.ReadMemStats(&after)
			if !errors.As(receipt.Err, new(*response.ProtocolError)) {
				t.Errorf("got %v", receipt.Err)
			}
			if grown := after.TotalAlloc - before.TotalAlloc; grown > 1<<20 {
				t.Errorf("%d octets were allocated", grown)
			}
		})
	}
}

// endless is a mail of n times the same line.
type endless struct {
	rawMail
	piece []byte
	times int
}

func (e *endless) BodyInfo() (bodyscan.Info, bool) {
	return bodyscan.Info{Size: int64(len(e.piece)) * int64(e.times)}, true
}

func (e *endless) WriteTo(w io.Writer) (n int64, err error) {
	for range e.times {
		m, err := w.Write(e.piece)
		n += int64(m)
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// TestGigabyte: a content of 1 GiB passes through DATA, BDAT and a Transaction in constant memory.
func TestGigabyte(t *testing.T) {
	line := strings.Repeat("x", 62) + "\r\n"
	message := &endless{piece: []byte(strings.Repeat(line, 1<<14)), times: gigabyte >> 20}
	message.env = testEnvelope(t, "a@x.org", "b@x.org")
	const size = gigabyte
	for name, keywords := range map[string][]string{"DATA": pipelining, "BDAT": chunking} {
		for _, writer := range []bool{false, true} {
			t.Run(fmt.Sprint(name, ", transaction ", writer), func(t *testing.T) {
				conn := dial(t, trusted, func(nc *net.TCPConn) { swallow(nc, keywords) })
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				var receipt *client.Result
				if writer {
					tx, err := conn.Begin(t.Context(), message.env, client.ContentInfo{})
					if err != nil {
						t.Fatal(err)
					}
					if n, err := message.WriteTo(tx); n != size || err != nil {
						t.Fatal(n, err)
					}
					_ = tx.Close() // the receipt tells
					receipt = tx.Result()
				} else {
					receipt = conn.Send(t.Context(), message)
				}
				runtime.ReadMemStats(&after)
				if v := receipt.Recipients[0]; v.Outcome != client.Accepted || v.Response.Lines[0] != strconv.Itoa(size) {
					t.Errorf("%v, %v", v, receipt.Err)
				}
				if grown := after.TotalAlloc - before.TotalAlloc; grown > 8<<20 {
					t.Errorf("%d octets were allocated", grown)
				}
			})
		}
	}
}

// swallow takes one mail of lines without dots and tells its size.
func swallow(nc net.Conn, keywords []string) {
	r := welcome(nc, keywords...)
	size, wire := int64(0), bufio.NewReaderSize(r, 1<<16)
	for {
		line, err := wire.ReadSlice('\n')
		if err != nil {
			return
		}
		reply := "250 ok"
		switch {
		case bytes.HasPrefix(line, []byte("BDAT ")):
			var n int64
			_, _ = fmt.Sscanf(string(line), "BDAT %d", &n)
			last := bytes.HasSuffix(line, []byte(" LAST\r\n"))
			_, _ = io.CopyN(io.Discard, wire, n)
			if size += n; last {
				reply = fmt.Sprintf("250 %d", size)
			}
		case string(line) == "DATA\r\n":
			_, _ = io.WriteString(nc, "354 go\r\n")
			for {
				line, err := wire.ReadSlice('\n')
				if err != nil {
					return
				}
				if string(line) == ".\r\n" {
					break
				}
				size += int64(len(line))
			}
			reply = fmt.Sprintf("250 %d", size)
		}
		_, _ = io.WriteString(nc, reply+"\r\n")
	}
}

// TestAlive: a closed or chattering idle connection is noticed without a word to the server.
func TestAlive(t *testing.T) {
	for name, act := range map[string]func(nc *net.TCPConn){
		"closed":      func(nc *net.TCPConn) { _ = nc.Close() },
		"half-closed": func(nc *net.TCPConn) { _ = nc.CloseWrite() },
		"reset": func(nc *net.TCPConn) {
			_ = nc.SetLinger(0)
			_ = nc.Close()
		},
		"421":         func(nc *net.TCPConn) { _, _ = io.WriteString(nc, "421 timeout\r\n") },
		"unsolicited": func(nc *net.TCPConn) { _, _ = io.WriteString(nc, "250 hello\r\n") },
	} {
		t.Run(name, func(t *testing.T) {
			now, done := make(chan struct{}), make(chan struct{})
			conn := dial(t, client.Config{}, func(nc *net.TCPConn) {
				r := welcome(nc, pipelining...)
				<-now
				act(nc)
				close(done)
				_, _ = io.Copy(io.Discard, r)
			})
			if !conn.Alive() {
				t.Fatal("a healthy connection counts as dead")
			}
			close(now)
			<-done
			for conn.Alive() { // what was sent on loopback arrives in a moment
				runtime.Gosched()
			}
			receipt := conn.Send(t.Context(), big(t, 64, "b@x.org"))
			if receipt.Recipients[0].Outcome == client.Unknown || receipt.Err == nil {
				t.Errorf("%v, %v", receipt.Recipients, receipt.Err)
			}
		})
	}
}

// TestDialFails: a failure says what was dialed.
func TestDialFails(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	_ = l.Close()
	_, err = client.Dial(t.Context(), client.Config{TLS: client.TLSNone, Address: address})
	var failed *client.Error
	if !errors.As(err, &failed) || failed.Phase != client.PhaseDial || !failed.Temporary() || failed.Server != address {
		t.Errorf("got %v", err)
	}
	_, err = client.Dial(t.Context(), client.Config{TLS: client.TLSNone, Address: "host.invalid:25"})
	var dns *net.DNSError
	if !errors.As(err, &dns) {
		t.Errorf("got %v, want a *net.DNSError", err)
	}
}

// TestHijack: the connection goes on without us.
func TestHijack(t *testing.T) {
	conn := dial(t, client.Config{}, func(nc *net.TCPConn) {
		r := welcome(nc, pipelining...)
		_, _ = io.Copy(nc, r)
	})
	nc := conn.Hijack()
	defer nc.Close()
	if _, err := io.WriteString(nc, "echo\n"); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(nc).ReadString('\n'); line != "echo\n" || err != nil {
		t.Errorf("%q, %v", line, err)
	}
	if r := conn.Send(t.Context(), big(t, 64, "b@x.org")); !errors.Is(r.Err, client.ErrHijacked) {
		t.Errorf("Send after Hijack: %v", r.Err)
	}
}

package client_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/depeche-mail/depeche/internal/memconn"
	"github.com/depeche-mail/depeche/transport/outcome"
	"github.com/depeche-mail/depeche/transport/smtp/client"
)

// TestRefusedChunkStopsWrite: once the refusal of a chunk is there, no Write sends more of the content (RFC 3030
// section 2), and the session goes on.
func TestRefusedChunkStopsWrite(t *testing.T) {
	for _, reply := range []string{"452 4.3.1 no room", "552 5.3.4 too big"} {
		t.Run(reply[:3], func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				chunks, release := 0, make(chan struct{})
				o := &oracle{keywords: chunking, refuse: func(line string) string {
					if !strings.HasPrefix(line, "BDAT") {
						return ""
					}
					if chunks++; chunks == 2 {
						<-release
						return reply
					}
					return ""
				}}
				near, far := memconn.Pipe()
				go o.serve(far)
				conn, err := client.New(t.Context(), near, client.Config{TLS: client.TLSNone, Chunking: client.ChunkingTrusted})
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				tx, err := conn.Begin(t.Context(), testEnvelope(t, "s@x.org", "a@x.org"), client.ContentInfo{})
				if err != nil {
					t.Fatal(err)
				}
				chunk := bytes.Repeat([]byte(strings.Repeat("x", 62)+"\r\n"), 1<<10) // 64 KiB
				for range 3 {
					if _, err := tx.Write(chunk); err != nil {
						t.Fatal(err)
					}
				}
				close(release)
				synctest.Wait() // the refusal is there
				sent := chunks
				for range 2 {
					n, err := tx.Write(chunk[:128])
					failure, ok := errors.AsType[*client.Error](err)
					if n != 0 || !ok || failure.Phase != client.PhaseBody || failure.Response.String() != reply {
						t.Fatalf("%d octets, %v", n, err)
					}
				}
				if err := tx.Close(); err == nil || tx.Result().Recipients[0].Response.String() != reply {
					t.Errorf("%v, %+v", err, tx.Result().Recipients)
				}
				synctest.Wait()
				if chunks != sent || len(o.taken) > 0 {
					t.Errorf("%d chunks after the refusal, taken %v", chunks-sent, o.taken)
				}
				if r := conn.Send(t.Context(), newMail(t, "from a@x.org\nto b@x.org\n\nx\n")); r.Err != nil {
					t.Errorf("Send after it: %v", r.Err)
				}
			})
		})
	}
}

// wantLost fails unless the error is that of a connection that was lost while content was written.
func wantLost(t *testing.T, err error) {
	t.Helper()
	failure, ok := errors.AsType[*client.Error](err)
	if !ok || failure.Phase != client.PhaseBody || !failure.Temporary() || !errors.Is(err, outcome.ErrConnectionLost) {
		t.Errorf("%v is not the loss of a connection", err)
	}
}

// TestLostInLastWrite: a connection that breaks in the write that ends the content is at fault, and not the mail,
// however the content fits into the flights.
func TestLostInLastWrite(t *testing.T) {
	const flight = 64 << 10
	for more := -4; more <= 4; more++ {
		data := strings.Repeat("x", flight+more-2) + "\r\n"
		for name, send := range map[string]func(*testing.T, *client.Conn) *client.Result{
			"Send": func(t *testing.T, conn *client.Conn) *client.Result {
				return conn.Send(t.Context(), &rawMail{env: testEnvelope(t, "a@x.org", "b@x.org"), data: data, fail: -1})
			},
			"Begin": func(t *testing.T, conn *client.Conn) *client.Result {
				tx, err := conn.Begin(t.Context(), testEnvelope(t, "a@x.org", "b@x.org"), client.ContentInfo{})
				if err != nil {
					t.Fatal(err)
				}
				if _, err := io.WriteString(tx, data); err != nil {
					wantLost(t, err)
				}
				_ = tx.Close() // the result tells
				return tx.Result()
			},
		} {
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					conn, broken := breaking(t)
					r := send(t, conn)
					<-broken
					if r.Recipients[0].Outcome != client.NotSent {
						t.Errorf("%d octets: %v", len(data), r.Recipients)
					}
					wantLost(t, r.Err)
				})
			})
		}
	}
}

// breaking returns a session with a server that ends it after it has asked for the content.
func breaking(t *testing.T) (*client.Conn, <-chan struct{}) {
	t.Helper()
	near, far := net.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer far.Close()
		r := welcome(far, pipelining...)
		skip(r, 3)
		_, _ = io.WriteString(far, "250 ok\r\n250 ok\r\n354 go\r\n")
	}()
	conn, err := client.New(t.Context(), near, client.Config{TLS: client.TLSNone})
	if err != nil {
		t.Fatal(err)
	}
	return conn, done
}

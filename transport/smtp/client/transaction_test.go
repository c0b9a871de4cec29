package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport/smtp/client"
	"github.com/google/go-cmp/cmp"
)

// open returns a session with o, inside a bubble.
func open(t *testing.T, o *oracle, cfg client.Config) *client.Conn {
	t.Helper()
	near, far := net.Pipe()
	go o.serve(far)
	cfg.TLS = client.TLSNone
	conn, err := client.New(t.Context(), near, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

func testEnvelope(t *testing.T, from string, to ...string) envelope.Envelope {
	t.Helper()
	var list []envelope.Address
	for _, s := range to {
		list = append(list, address(t, s))
	}
	env, err := envelope.New(address(t, from), list...)
	if err != nil {
		t.Fatal(err)
	}
	return env
}

func TestTransaction(t *testing.T) {
	line := strings.Repeat("x", 70) + "\r\n"
	for name, form := range forms {
		if form.window > 0 || form.cfg.AllOrNothing {
			continue
		}
		for _, lines := range []int{0, 1, 2000, 40000} { // nothing, one chunk, a few, many
			t.Run(fmt.Sprintf("%s %d lines", name, lines), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					o := &oracle{keywords: form.keywords, lmtp: form.cfg.LMTP}
					conn := open(t, o, form.cfg)
					defer conn.Close()
					tx, err := conn.Begin(t.Context(), testEnvelope(t, "s@x.org", "a@x.org", "bad@x.org", "b@x.org"), client.ContentInfo{})
					if err != nil {
						t.Fatal(err)
					}
					if v := tx.Result().Recipients; v[0].Outcome != client.NotSent || v[1].Outcome != client.Rejected {
						t.Errorf("verdicts before the content: %v", v)
					}
					if r := conn.Send(t.Context(), newMail(t, "from a@x.org\nto b@x.org\n\nx\n")); !errors.Is(r.Err, client.ErrTransaction) {
						t.Errorf("Send beside a transaction: %v", r.Err)
					}
					for range lines {
						if _, err := io.WriteString(tx, line); err != nil {
							t.Fatal(err)
						}
					}
					if err := tx.Close(); err == nil {
						t.Error("no error, and one was refused")
					}
					receipt := tx.Result()
					want := []client.Outcome{client.Accepted, client.Rejected, client.Accepted}
					var got []client.Outcome
					for _, v := range receipt.Recipients {
						got = append(got, v.Outcome)
					}
					if diff := cmp.Diff(want, got); diff != "" {
						t.Error(diff)
					}
					data := strings.Repeat(line, lines)
					if diff := cmp.Diff([]taken{{"s@x.org", "a@x.org", data}, {"s@x.org", "b@x.org", data}}, o.taken, cmp.AllowUnexported(taken{})); diff != "" {
						t.Error(diff[:min(len(diff), 500)])
					}
					if r := conn.Send(t.Context(), newMail(t, "from a@x.org\nto b@x.org\n\nx\n")); r.Err != nil {
						t.Errorf("Send after the transaction: %v", r.Err)
					}
				})
			})
		}
	}
}

func TestTransactionAbort(t *testing.T) {
	for name, form := range forms {
		if form.window > 0 {
			continue
		}
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := &oracle{keywords: form.keywords, lmtp: form.cfg.LMTP}
				conn := open(t, o, form.cfg)
				tx, err := conn.Begin(t.Context(), testEnvelope(t, "s@x.org", "a@x.org"), client.ContentInfo{})
				if err != nil {
					t.Fatal(err)
				}
				if _, err := io.WriteString(tx, "half\r\n"); err != nil {
					t.Fatal(err)
				}
				tx.Abort()
				receipt := tx.Result()
				_ = conn.Close()
				if receipt.Recipients[0].Outcome != client.NotSent || receipt.Err == nil || len(o.taken) != 0 {
					t.Errorf("%v, %v, taken %v", receipt.Recipients, receipt.Err, o.taken)
				}
			})
		})
	}
}

// TestTransactionRefusesContent: what could end the content early, or was not announced, is refused
// and leaves nothing at the server.
func TestTransactionRefusesContent(t *testing.T) {
	for name, writes := range map[string][]string{
		"bare LF":              {"a\n.\nMAIL FROM:<evil@x.org>\r\n"},
		"bare LF between":      {"a", "\n", ".\r\n"},
		"bare CR at the end":   {"a\r\n", "\r"},
		"bare CR between":      {"a\r", "b\r\n"},
		"NUL":                  {"a\x00\r\n"},
		"8-bit in the body":    {"Subject: x\r\n\r\n\xe9\r\n"},
		"8-bit in the headers": {"Subject: \xe9\r\n"},
	} {
		for _, keywords := range [][]string{pipelining, chunking} {
			t.Run(fmt.Sprint(name, keywords), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					o := &oracle{keywords: keywords}
					conn := open(t, o, trusted)
					tx, _ := conn.Begin(t.Context(), testEnvelope(t, "s@x.org", "a@x.org"), client.ContentInfo{})
					for _, s := range writes {
						_, _ = io.WriteString(tx, s) // Close tells
					}
					_ = tx.Close() // the receipt tells
					receipt := tx.Result()
					_ = conn.Close()
					if receipt.Err == nil || receipt.Recipients[0].Outcome != client.NotSent || len(o.taken) != 0 {
						t.Errorf("%v, %v, taken %v", receipt.Err, receipt.Recipients, o.taken)
					}
				})
			})
		}
	}
}

// TestTransactionWithNobody: without a recipient there is no transaction, and the connection goes on.
func TestTransactionWithNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn := open(t, &oracle{keywords: pipelining}, client.Config{})
		defer conn.Close()
		tx, err := conn.Begin(t.Context(), testEnvelope(t, "s@x.org", "bad@x.org"), client.ContentInfo{})
		if !errors.Is(err, client.ErrNoRecipientAccepted) || tx.Result().Recipients[0].Response.Code != 550 {
			t.Errorf("%v, %+v", err, tx.Result())
		}
		if _, writeErr := io.WriteString(tx, "x\r\n"); !errors.Is(writeErr, client.ErrNoRecipientAccepted) || !errors.Is(tx.Close(), client.ErrNoRecipientAccepted) {
			t.Errorf("it went on: %v", writeErr)
		}
		tx.Abort()
		if tx, err = conn.Begin(t.Context(), testEnvelope(t, "s@x.org", "a@x.org"), client.ContentInfo{}); err != nil {
			t.Fatalf("the connection is of no use any more: %v", err)
		}
		if err := errors.Join(tx.Close(), tx.Close()); err != nil {
			t.Error(err)
		}
		if _, err := io.WriteString(tx, "x\r\n"); err == nil {
			t.Error("it could be written to after its end")
		}
	})
}

// TestTransactionFlights: MAIL, RCPT and DATA of a transaction travel together.
func TestTransactionFlights(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		go (&oracle{keywords: pipelining}).serve(far)
		nc := &flightConn{Conn: near}
		conn, err := client.New(t.Context(), nc, client.Config{TLS: client.TLSNone})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		before := nc.flights
		var tx io.WriteCloser
		if tx, err = conn.Begin(t.Context(), testEnvelope(t, "s@x.org", "a@x.org", "b@x.org"), client.ContentInfo{}); err != nil {
			t.Fatal(err)
		}
		if n := nc.flights - before; n != 1 {
			t.Errorf("%d flights before the content", n)
		}
		if err := tx.Close(); err != nil {
			t.Error(err)
		}
		if n := nc.flights - before; n != 2 {
			t.Errorf("%d flights", n)
		}
	})
}

func TestTransactionEndsWithContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &oracle{keywords: pipelining}
		conn := open(t, o, client.Config{})
		ctx, cancel := context.WithCancel(t.Context())
		tx, _ := conn.Begin(ctx, testEnvelope(t, "s@x.org", "a@x.org"), client.ContentInfo{})
		cancel()
		synctest.Wait()
		_ = tx.Close() // the receipt tells
		receipt := tx.Result()
		_ = conn.Close()
		if !errors.Is(receipt.Err, context.Canceled) || receipt.Recipients[0].Outcome != client.NotSent || len(o.taken) != 0 {
			t.Errorf("%v, %v, taken %v", receipt.Err, receipt.Recipients, o.taken)
		}
	})
}

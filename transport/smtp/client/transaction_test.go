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
					tx, receipt := conn.Begin(t.Context(), testEnvelope(t, "s@x.org", "a@x.org", "bad@x.org", "b@x.org"), client.Content{})
					if tx == nil {
						t.Fatal(receipt.Err)
					}
					if v := tx.Verdicts(); v[0].Fate != client.NotSent || v[1].Fate != client.Refused {
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
					receipt = tx.Close()
					want := []client.Fate{client.Accepted, client.Refused, client.Accepted}
					var got []client.Fate
					for _, v := range receipt.Verdicts {
						got = append(got, v.Fate)
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
				tx, receipt := conn.Begin(t.Context(), testEnvelope(t, "s@x.org", "a@x.org"), client.Content{})
				if tx == nil {
					t.Fatal(receipt.Err)
				}
				if _, err := io.WriteString(tx, "half\r\n"); err != nil {
					t.Fatal(err)
				}
				receipt = tx.Abort()
				_ = conn.Close()
				if receipt.Verdicts[0].Fate != client.NotSent || receipt.Err == nil || len(o.taken) != 0 {
					t.Errorf("%v, %v, taken %v", receipt.Verdicts, receipt.Err, o.taken)
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
					tx, _ := conn.Begin(t.Context(), testEnvelope(t, "s@x.org", "a@x.org"), client.Content{})
					for _, s := range writes {
						_, _ = io.WriteString(tx, s) // Close tells
					}
					receipt := tx.Close()
					_ = conn.Close()
					if receipt.Err == nil || receipt.Verdicts[0].Fate != client.NotSent || len(o.taken) != 0 {
						t.Errorf("%v, %v, taken %v", receipt.Err, receipt.Verdicts, o.taken)
					}
				})
			})
		}
	}
}

func TestTransactionWithNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn := open(t, &oracle{keywords: pipelining}, client.Config{})
		defer conn.Close()
		tx, receipt := conn.Begin(t.Context(), testEnvelope(t, "s@x.org", "bad@x.org"), client.Content{})
		if tx != nil || receipt.Err == nil || receipt.Verdicts[0].Response.Code != 550 {
			t.Errorf("%v, %+v", tx, receipt)
		}
		tx, receipt = conn.Begin(t.Context(), testEnvelope(t, "s@x.org", "a@x.org"), client.Content{})
		if tx == nil {
			t.Fatalf("the connection is of no use any more: %v", receipt.Err)
		}
		if receipt := tx.Close(); receipt.Err != nil {
			t.Error(receipt.Err)
		}
	})
}

func TestTransactionEndsWithContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &oracle{keywords: pipelining}
		conn := open(t, o, client.Config{})
		ctx, cancel := context.WithCancel(t.Context())
		tx, _ := conn.Begin(ctx, testEnvelope(t, "s@x.org", "a@x.org"), client.Content{})
		cancel()
		synctest.Wait()
		receipt := tx.Close()
		_ = conn.Close()
		if !errors.Is(receipt.Err, context.Canceled) || receipt.Verdicts[0].Fate != client.NotSent || len(o.taken) != 0 {
			t.Errorf("%v, %v, taken %v", receipt.Err, receipt.Verdicts, o.taken)
		}
	})
}

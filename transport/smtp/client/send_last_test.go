package client_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/depeche-mail/depeche/internal/memconn"
	"github.com/depeche-mail/depeche/transport/smtp/client"
	"github.com/google/go-cmp/cmp"
)

// TestSendLastFlights: QUIT costs no flight of its own where PIPELINING is offered and no recipient can be left over.
func TestSendLastFlights(t *testing.T) {
	const one, two = "from s@x.org\nto a@x.org\n\nx\n", "from s@x.org\nto a@x.org b@x.org\n\nx\n"
	for name, tc := range map[string]struct {
		o           *oracle
		cfg         client.Config
		mail        string
		flights     int // of the mail
		with, taken int // with QUIT; deliveries
	}{
		"DATA":                      {&oracle{keywords: pipelining}, client.Config{}, two, 2, 2, 2},
		"BDAT":                      {&oracle{keywords: chunking}, trusted, one, 1, 1, 1},
		"BDAT, two recipients":      {&oracle{keywords: chunking}, trusted, two, 1, 2, 2},
		"one command at a time":     {&oracle{}, client.Config{}, one, 4, 5, 1},
		"LMTP":                      {&oracle{keywords: pipelining, lmtp: true}, client.Config{LMTP: true}, two, 2, 3, 2},
		"all refused":               {&oracle{keywords: pipelining}, client.Config{}, "from s@x.org\nto bad@x.org\n\nx\n", 1, 2, 0},
		"one recipient is too many": {&oracle{keywords: pipelining, refuse: tooMany()}, client.Config{}, two, 4, 4, 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				near, far := net.Pipe()
				go tc.o.serve(far)
				nc := &flightConn{Conn: near}
				cfg := tc.cfg
				cfg.TLS = client.TLSNone
				conn, err := client.New(t.Context(), nc, cfg)
				if err != nil {
					t.Fatal(err)
				}
				before := nc.flights
				_ = conn.SendLast(t.Context(), newMail(t, tc.mail)) // what was taken tells
				flights := nc.flights - before
				if err := conn.Quit(t.Context()); err != nil {
					t.Error(err)
				}
				if with := nc.flights - before; flights != tc.flights || with != tc.with || len(tc.o.taken) != tc.taken {
					t.Errorf("%d flights, with QUIT %d; taken %v", flights, with, tc.o.taken)
				}
			})
		})
	}
}

// tooMany refuses the second recipient of a transaction as one too many, once.
func tooMany() func(string) string {
	n := 0
	return func(line string) string {
		if strings.HasPrefix(line, "RCPT") {
			if n++; n == 2 {
				return "452 4.5.3 too many recipients"
			}
		}
		return ""
	}
}

// TestSendLastOutcomes: what follows from the replies is the same with QUIT after the content as without, also when
// the answer to QUIT and the end of the stream are there at once. 221 is never a verdict.
func TestSendLastOutcomes(t *testing.T) {
	const greeting = "220 x\r\n250-x\r\n250 PIPELINING\r\n"
	for name, tc := range map[string]struct {
		commands, content string // replies; nothing comes after them
		want              client.Outcome
	}{
		"taken":                      {"250 a\r\n250 b\r\n354 c\r\n", "250 d\r\n221 e\r\n", client.Accepted},
		"refused":                    {"250 a\r\n250 b\r\n354 c\r\n", "550 d\r\n221 e\r\n", client.Rejected},
		"refused for now":            {"250 a\r\n250 b\r\n354 c\r\n", "451 d\r\n221 e\r\n", client.Deferred},
		"refused for now by RCPT":    {"250 a\r\n451 b\r\n354 c\r\n", "554 d\r\n221 e\r\n", client.Deferred},
		"refused for now by MAIL":    {"451 a\r\n451 b\r\n354 c\r\n", "554 d\r\n221 e\r\n", client.Deferred},
		"421":                        {"250 a\r\n250 b\r\n354 c\r\n", "421 d\r\n", client.Deferred},
		"the end of the stream":      {"250 a\r\n250 b\r\n354 c\r\n", "", client.Unknown},
		"no verdict, but 221":        {"250 a\r\n250 b\r\n354 c\r\n", "221 e\r\n", client.Unknown},
		"taken, no answer to QUIT":   {"250 a\r\n250 b\r\n354 c\r\n", "250 d\r\n", client.Accepted},
		"taken, QUIT is not known":   {"250 a\r\n250 b\r\n354 c\r\n", "250 d\r\n500 e\r\n", client.Accepted},
		"taken, and 421 to the QUIT": {"250 a\r\n250 b\r\n354 c\r\n", "250 d\r\n421 e\r\n", client.Accepted},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				near, far := memconn.Pipe()
				_, _ = io.WriteString(far, greeting[:len("220 x\r\n")])
				go func() {
					b := make([]byte, 1<<16)
					for _, reply := range []string{greeting[len("220 x\r\n"):], tc.commands, tc.content} {
						_, _ = far.Read(b)
						_, _ = io.WriteString(far, reply)
					}
					_ = far.Close()
				}()
				conn, err := client.New(t.Context(), near, client.Config{TLS: client.TLSNone, Chunking: client.ChunkingOff})
				if err != nil {
					t.Fatal(err)
				}
				r := conn.SendLast(t.Context(), newMail(t, "from s@x.org\nto a@x.org\n\nx\n"))
				if diff := cmp.Diff(tc.want, r.Recipients[0].Outcome); diff != "" || r.ConnectionWasDead() {
					t.Errorf("%s, dead %t, %v", diff, r.ConnectionWasDead(), r.Err)
				}
				if err := conn.Quit(t.Context()); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// TestSendLastIsLast: after a QUIT that was said nothing more is sent, whether the answer has come or not.
func TestSendLastIsLast(t *testing.T) {
	for _, answered := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			o := &oracle{keywords: pipelining}
			conn := open(t, o, client.Config{})
			mail := newMail(t, "from s@x.org\nto a@x.org\n\nx\n")
			r := conn.SendLast(t.Context(), mail)
			if answered {
				synctest.Wait()
			}
			if r.Err != nil || !errors.Is(conn.Err(), client.ErrBroken) {
				t.Errorf("%v, %v", r.Err, conn.Err())
			}
			if r := conn.Send(t.Context(), mail); !errors.Is(r.Err, client.ErrBroken) || r.Recipients[0].Outcome != client.NotSent {
				t.Errorf("%v %v", r.Recipients, r.Err)
			}
			if err := conn.Noop(t.Context()); !errors.Is(err, client.ErrBroken) {
				t.Error(err)
			}
			if err := conn.Quit(t.Context()); err != nil {
				t.Error(err)
			}
			if got := fmt.Sprint(o.taken); got != "[{s@x.org a@x.org x\r\n}]" {
				t.Error(got)
			}
		})
	}
}

package client_test

import (
	"bufio"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/depeche-mail/depeche/internal/memconn"
	"github.com/depeche-mail/depeche/transport/outcome"
	"github.com/depeche-mail/depeche/transport/smtp/authentication"
	"github.com/depeche-mail/depeche/transport/smtp/client"
)

// gatekeeper is what a server does with a BDAT before the login. "" is that it says nothing and closes.
type gatekeeper struct {
	bdat, reset, auth string
	runs              string // the reply to the octets of the BDAT as a command; "" when they are swallowed
}

// serve answers one flight, after EHLO, and then is an oracle without a login.
func (g gatekeeper) serve(nc net.Conn, o *oracle) {
	r := bufio.NewReader(nc)
	_, _ = io.WriteString(nc, "220 gatekeeper\r\n")
	_, _ = r.ReadString('\n')
	_, _ = io.WriteString(nc, "250-gatekeeper\r\n250-PIPELINING\r\n250-AUTH PLAIN\r\n250 CHUNKING\r\n")
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		reply := map[string]string{"BDAT 6 LAST": g.bdat, "RSET": g.reset, "DATA": g.runs}[strings.TrimSpace(line)]
		switch {
		case strings.HasPrefix(line, "AUTH "):
			reply = g.auth
		case reply == "":
			_ = nc.Close()
			return
		}
		if strings.HasPrefix(line, "BDAT") && g.runs == "" {
			_, _ = r.Discard(len("DATA\r\n"))
		}
		_, _ = io.WriteString(nc, reply+"\r\n")
		if strings.HasPrefix(reply, "235") {
			break
		}
	}
	s := &session{o: o, r: r, w: bufio.NewWriter(nc)}
	s.serve()
}

// TestProbeBeforeLogin: the probe travels with AUTH and never decides about the login. Only a refusal of BDAT itself
// whose octets were swallowed proves anything; after all else the first mail carries a probe.
func TestProbeBeforeLogin(t *testing.T) {
	for name, tc := range map[string]struct {
		server gatekeeper
		safe   bool   // known after the login
		phase  string // of the error
		code   int
		lost   bool
	}{
		"swallows":              {server: gatekeeper{"503 no mail", "250 ok", "235 ok", ""}, safe: true},
		"a guard that swallows": {server: gatekeeper{"530 log in", "250 ok", "235 ok", ""}},
		"a guard that runs":     {server: gatekeeper{"530 log in", "250 ok", "235 ok", "530 log in"}},
		"a guard that swallows, also against RSET": {server: gatekeeper{"530 log in", "530 log in", "235 ok", ""}},
		"refuses RSET":                         {server: gatekeeper{"503 no mail", "503 no", "235 ok", ""}},
		"does not know it":                     {server: gatekeeper{"500 what?", "250 ok", "235 ok", "500 what?"}},
		"does not know it, swallows":           {server: gatekeeper{"502 what?", "250 ok", "235 ok", ""}},
		"a wrong password":                     {server: gatekeeper{"503 no mail", "250 ok", "535 wrong", ""}, phase: "auth", code: 535},
		"a guard that runs, also against RSET": {server: gatekeeper{"530 log in", "530 log in", "235 ok", "530 log in"}, phase: "auth", code: 530},
		"a wrong password, no RSET":            {server: gatekeeper{"503 no mail", "530 no", "535 wrong", ""}, phase: "auth", code: 535},
		"goes":                                 {server: gatekeeper{"421 bye", "", "", ""}, phase: "auth", code: 421},
		"hangs up":                             {server: gatekeeper{}, phase: "auth", lost: true},
		"takes the octets for DATA":            {server: gatekeeper{"503 no mail", "250 ok", "235 ok", "354 go"}, phase: "auth"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				near, far := memconn.Pipe()
				o := &oracle{keywords: chunking}
				go func() {
					defer far.Close()
					tc.server.serve(far, o)
				}()
				credentials, err := authentication.Password("u", "p")
				if err != nil {
					t.Fatal(err)
				}
				conn, err := client.New(t.Context(), near, client.Config{TLS: client.TLSNone, InsecureAuth: true, Credentials: credentials})
				if tc.phase != "" {
					failure, ok := errors.AsType[*client.Error](err)
					if !ok || string(failure.Phase) != tc.phase || int(failure.Response.Code) != tc.code || errors.Is(err, outcome.ErrConnectionLost) != tc.lost {
						t.Errorf("%v", err)
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				if safe, known := conn.ChunkingSafe(); safe != tc.safe || known != tc.safe {
					t.Errorf("safe %t, known %t", safe, known)
				}
				for range 2 {
					if r := conn.Send(t.Context(), newMail(t, "from a@x.org\nto b@x.org\n\nx\n")); r.Err != nil {
						t.Error(r.Err)
					}
				}
				if safe, _ := conn.ChunkingSafe(); !safe || len(o.taken) != 2 {
					t.Errorf("after two mails: safe %t, taken %v", safe, o.taken)
				}
			})
		})
	}
}

// TestLoginFlights: the probe costs no flight, and saves one of the first mail.
func TestLoginFlights(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		o := &oracle{keywords: chunking}
		go gatekeeper{"503 no mail", "250 ok", "235 ok", ""}.serve(far, o)
		nc := &flightConn{Conn: near}
		credentials, err := authentication.Password("u", "p")
		if err != nil {
			t.Fatal(err)
		}
		conn, err := client.New(t.Context(), nc, client.Config{TLS: client.TLSNone, InsecureAuth: true, Credentials: credentials})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if nc.flights != 2 {
			t.Errorf("%d flights for EHLO and AUTH", nc.flights)
		}
		if r := conn.Send(t.Context(), newMail(t, "from a@x.org\nto b@x.org\n\nx\n")); r.Err != nil || nc.flights != 3 {
			t.Errorf("%v, %d flights", r.Err, nc.flights)
		}
	})
}

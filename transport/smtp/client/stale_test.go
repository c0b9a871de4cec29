package client_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/depeche-mail/depeche/transport/smtp/client"
)

// ending is a connection that tells whether its stream has ended, as a socket does.
type ending struct {
	net.Conn

	ended atomic.Bool
}

func (e *ending) Pending() bool { return e.ended.Load() }

// parting is a server that says its last words to one command, of the second mail.
type parting struct {
	keywords []string
	at       string // the verb
	reply    string
	ends     bool
	conn     *ending
}

func (p *parting) serve(nc net.Conn) {
	defer nc.Close()
	r := bufio.NewReader(nc)
	w := bufio.NewWriter(nc)
	fmt.Fprint(w, "220 parting\r\n")
	mails, content := 0, false
	for {
		if r.Buffered() == 0 && w.Flush() != nil {
			return
		}
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		verb := strings.ToUpper(line[:min(4, len(line))])
		if content {
			if line != ".\r\n" {
				continue
			}
			content, verb = false, "DOT"
		}
		if verb == "MAIL" {
			mails++
		}
		if verb == p.at && mails == 2 {
			p.conn.ended.Store(p.ends)
			fmt.Fprintf(w, "%s\r\n", p.reply)
			if p.ends {
				_ = w.Flush()
				return
			}
			continue
		}
		switch verb {
		case "EHLO":
			fmt.Fprintf(w, "%s\r\n250 HELP\r\n", strings.Join(append([]string{"250-parting"}, p.keywords...), "\r\n250-"))
		case "DATA":
			content = true
			fmt.Fprint(w, "354 go\r\n")
		default:
			fmt.Fprint(w, "250 ok\r\n")
		}
	}
}

// TestLastWords: a refusal for now that comes with the end of the stream, or says 4.4.2, is about the
// connection; one without, or for good, is about the mail.
func TestLastWords(t *testing.T) {
	for name, tc := range map[string]struct {
		at, reply string
		ends      bool
		idle      time.Duration // before the second mail
		want      bool
	}{
		"451 to MAIL and the end":           {"MAIL", "451 4.3.0 bye", true, 0, true},
		"451 to MAIL":                       {"MAIL", "451 4.3.0 later", false, 0, false},
		"451 4.4.2 to MAIL":                 {"MAIL", "451 4.4.2 timeout", false, 0, true},
		"421 to MAIL":                       {"MAIL", "421 4.3.2 enough", false, 0, true},
		"421 to RCPT and the end":           {"RCPT", "421 4.4.2 timeout", true, 0, true},
		"450 to RCPT and the end":           {"RCPT", "450 4.2.0 bye", true, 0, true},
		"450 to RCPT":                       {"RCPT", "450 4.7.1 greylisted", false, 0, false},
		"421 to RCPT":                       {"RCPT", "421 4.7.0 not now", false, 0, false},
		"451 to DATA and the end":           {"DATA", "451 4.3.0 bye", true, 0, true},
		"451 to DATA":                       {"DATA", "451 4.3.0 later", false, 0, false},
		"221 to MAIL and the end":           {"MAIL", "221 bye", true, 0, true},
		"221 to RCPT and the end":           {"RCPT", "221 bye", true, 0, true},
		"221 to DATA and the end":           {"DATA", "221 bye", true, 0, true},
		"550 to MAIL and the end":           {"MAIL", "550 5.7.1 no", true, 0, false},
		"554 to DATA and the end":           {"DATA", "554 5.7.1 no", true, 0, false},
		"451 4.4.2 to the dot":              {"DOT", "451 4.4.2 timeout", false, 0, false},
		"451 4.4.2 to the dot, idle before": {"DOT", "451 4.4.2 timeout", false, time.Minute, true},
		"451 to the dot, idle before":       {"DOT", "451 4.3.0 no", false, time.Minute, false},
		"451 to the dot and the end":        {"DOT", "451 4.3.0 no", true, time.Minute, false},
	} {
		for form, keywords := range map[string][]string{"lockstep": nil, "DATA": pipelining} {
			t.Run(name+" "+form, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					near, far := net.Pipe()
					conn := &ending{Conn: near}
					server := &parting{keywords: keywords, at: tc.at, reply: tc.reply, ends: tc.ends, conn: conn}
					go server.serve(far)
					c, err := client.New(t.Context(), conn, client.Config{TLS: client.TLSNone})
					if err != nil {
						t.Fatal(err)
					}
					mail := newMail(t, "from a@x.org\nto b@x.org\n\nx\n")
					if r := c.Send(t.Context(), mail); r.Err != nil {
						t.Fatal(r.Err)
					}
					time.Sleep(tc.idle) // of the bubble
					r := c.Send(t.Context(), mail)
					if r.ConnectionWasDead() != tc.want || r.Err == nil {
						t.Errorf("stale: %v, %v, %v", r.ConnectionWasDead(), r.Recipients, r.Err)
					}
					_ = c.Close()
					_, _ = io.Copy(io.Discard, near) // it is closed
				})
			})
		}
	}
}

// TestLookAtAnIdleConnection: what has come on a connection on which nothing is due is seen before the next command,
// also when the reader has not got it yet.
func TestLookAtAnIdleConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		conn := &ending{Conn: near}
		go (&parting{conn: conn}).serve(far)
		c, err := client.New(t.Context(), conn, client.Config{TLS: client.TLSNone})
		if err != nil {
			t.Fatal(err)
		}
		if !c.Alive() {
			t.Error("it is not alive at the beginning")
		}
		conn.ended.Store(true)
		if c.Alive() || c.Err() == nil {
			t.Errorf("it is alive, %v", c.Err())
		}
		_ = c.Close()
		_, _ = io.Copy(io.Discard, near) // it is closed
	})
}

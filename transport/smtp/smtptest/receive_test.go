package smtptest_test

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
	"github.com/google/go-cmp/cmp"
)

// talk sends lines one after the other and returns the code of the last line of each reply, the greeting first.
func talk(t *testing.T, srv *smtptest.Server, lines ...string) (codes []string) {
	t.Helper()
	conn, err := net.Dial("tcp", srv.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	in := bufio.NewReader(conn)
	hear := func() {
		for {
			line, err := in.ReadString('\n')
			if err != nil {
				codes = append(codes, "gone")
				return
			}
			if line[3] == ' ' {
				codes = append(codes, line[:3])
				return
			}
		}
	}
	hear()
	for _, line := range lines {
		if _, err := fmt.Fprintf(conn, "%s\r\n", line); err != nil {
			break
		}
		hear()
	}
	return codes
}

// TestReceive is given what was taken, once, and can refuse it.
func TestReceive(t *testing.T) {
	for name, tc := range map[string]struct {
		protocol smtptest.Protocol
		hooks    []smtptest.Hook
		err      error
		want     []string // senders, recipients and content
		end      string   // the codes after the content
	}{
		"taken":       {want: []string{"a@x b@x,c@x hello\r\n"}, end: "250"},
		"failed":      {err: errors.New("disk\r\nfull"), want: []string{"a@x b@x,c@x hello\r\n"}, end: "451"},
		"lost":        {hooks: []smtptest.Hook{smtptest.On(smtptest.End, smtptest.Accept().Then(smtptest.Close()))}, want: []string{"a@x b@x,c@x hello\r\n"}, end: "gone"},
		"late":        {hooks: []smtptest.Hook{smtptest.On(smtptest.End, smtptest.Pause(1).Then(smtptest.Default()))}, want: []string{"a@x b@x,c@x hello\r\n"}, end: "250"},
		"refused":     {hooks: []smtptest.Hook{smtptest.On(smtptest.End, smtptest.Reply("552 5.3.4 no"))}, end: "552"},
		"refused one": {hooks: []smtptest.Hook{smtptest.RefuseRecipients(map[string]string{"b@x": "550 5.1.1 no"})}, want: []string{"a@x c@x hello\r\n"}, end: "250"},
	} {
		t.Run(name, func(t *testing.T) {
			var mu sync.Mutex
			var got []string
			srv := smtptest.NewUnstartedServer(t)
			srv.Config.Hooks, srv.Config.Forget = tc.hooks, true
			srv.Config.Receive = func(m smtptest.Message) error {
				mu.Lock()
				defer mu.Unlock()
				var to []string
				for _, r := range m.Recipients {
					to = append(to, r.Address)
				}
				got = append(got, m.From.Address+" "+strings.Join(to, ",")+" "+string(m.Content))
				return tc.err
			}
			srv.Start()
			codes := talk(t, srv, "EHLO x", "MAIL FROM:<a@x>", "RCPT TO:<b@x>", "RCPT TO:<c@x>", "DATA", "hello\r\n.")
			mu.Lock()
			defer mu.Unlock()
			if diff := cmp.Diff(tc.want, got); diff != "" || codes[6] != tc.end {
				t.Error(codes, diff)
			}
			if len(srv.Sessions())+len(srv.Attempts())+len(srv.Violations()) != 0 {
				t.Error("it was not forgotten")
			}
		})
	}
}

// TestReceiveLMTP is given a copy for each recipient.
func TestReceiveLMTP(t *testing.T) {
	srv := smtptest.NewUnstartedServer(t)
	srv.Config.Protocol = smtptest.LMTP
	to := make(chan string, 2)
	srv.Config.Receive = func(m smtptest.Message) error {
		to <- fmt.Sprint(len(m.Recipients), " ", m.Recipients[0].Address)
		if m.Recipients[0].Address == "c@x" {
			return errors.New("full")
		}
		return nil
	}
	srv.Start()
	codes := talk(t, srv, "LHLO x", "MAIL FROM:<a@x>", "RCPT TO:<b@x>", "RCPT TO:<c@x>", "DATA", "hello\r\n.", "NOOP")
	if codes[6] != "250" || codes[7] != "451" || <-to != "1 b@x" || <-to != "1 c@x" {
		t.Error(codes)
	}
}

// TestForgetLargeContent does not hold what is refused at its end.
func TestForgetLargeContent(t *testing.T) {
	srv := smtptest.NewUnstartedServer(t)
	srv.Config.Forget, srv.Config.MaxSize = true, 10
	srv.Config.Receive = func(smtptest.Message) error { t.Error("it was received"); return nil }
	srv.Start()
	if codes := talk(t, srv, "EHLO x", "MAIL FROM:<a@x>", "RCPT TO:<b@x>", "DATA", strings.Repeat("hello", 10)+"\r\n."); codes[5] != "552" {
		t.Error(codes)
	}
}

// TestIdleTimeout hangs up on a client that says nothing, and not on one that talks.
func TestIdleTimeout(t *testing.T) {
	srv := smtptest.NewUnstartedServer(t)
	srv.Config.IdleTimeout = 50 * time.Millisecond
	srv.Start()
	conn, err := net.Dial("tcp", srv.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	in := bufio.NewReader(conn)
	for err == nil {
		_, err = in.ReadString('\n')
	}
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		t.Error(err)
	}
}

// TestMaxConnections refuses the connection that is too much, and takes the next after one has gone.
func TestMaxConnections(t *testing.T) {
	srv := smtptest.NewUnstartedServer(t)
	srv.Config.MaxConnections = 1
	srv.Start()
	first, err := net.Dial("tcp", srv.Addr())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := bufio.NewReader(first).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	if codes := talk(t, srv, "EHLO x"); codes[0] != "421" || codes[1] != "gone" {
		t.Error(codes)
	}
	_ = first.Close()
	if _, err := srv.WaitIdle(t.Context(), 2); err != nil {
		t.Fatal(err)
	}
	for { // the place is free a moment after the session has ended
		if codes := talk(t, srv, "EHLO x"); codes[0] == "220" {
			break
		}
	}
}

// TestCertificateLifetime makes a certificate that a long-lived server can show.
func TestCertificateLifetime(t *testing.T) {
	srv := smtptest.NewUnstartedServer(t)
	srv.Config.CertificateLifetime = 365 * 24 * time.Hour
	srv.StartImplicitTLS()
	conn, err := tls.Dial("tcp", srv.Addr(), srv.ClientTLS())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for _, cert := range conn.ConnectionState().VerifiedChains[0] {
		if left := time.Until(cert.NotAfter); left < 364*24*time.Hour {
			t.Errorf("%s is valid for %s", cert.Subject, left)
		}
	}
}

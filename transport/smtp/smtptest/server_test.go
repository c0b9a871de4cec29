package smtptest_test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"net"
	netsmtp "net/smtp"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
	"github.com/google/go-cmp/cmp"
)

// TestMain fails when a server left goroutines running.
func TestMain(m *testing.M) {
	code := m.Run()
	stacks := make([]byte, 4<<20)
	for range 100 {
		n := runtime.Stack(stacks, true)
		if !bytes.Contains(stacks[:n], []byte("/smtptest.(*")) {
			os.Exit(code)
		}
		time.Sleep(10 * time.Millisecond) // finished goroutines need a moment to be gone
	}
	_, _ = os.Stderr.Write(append([]byte("goroutines left behind:\n"), stacks[:runtime.Stack(stacks, true)]...))
	os.Exit(1)
}

// raw is a client that says what the test says.
type raw struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
}

func dial(t *testing.T, srv *smtptest.Server) *raw {
	t.Helper()
	conn, err := net.Dial(srv.Config.Network, srv.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return &raw{t: t, conn: conn, in: bufio.NewReader(conn)}
}

func (r *raw) send(text string) {
	r.t.Helper()
	if _, err := r.conn.Write([]byte(strings.ReplaceAll(text, "\n", "\r\n"))); err != nil {
		r.t.Fatal(err)
	}
}

// want reads replies and compares their codes.
func (r *raw) want(codes ...string) {
	r.t.Helper()
	var got []string
	for len(got) < len(codes) {
		line, err := r.in.ReadString('\n')
		if err != nil {
			r.t.Fatalf("got %q, then %v; want %q", got, err, codes)
		}
		if len(line) > 3 && line[3] == '-' {
			continue
		}
		got = append(got, strings.TrimRight(line, "\r\n")[:3])
	}
	if diff := cmp.Diff(codes, got); diff != "" {
		r.t.Fatalf("replies (-want +got):\n%s", diff)
	}
}

// startTLS does what its name says.
func (r *raw) startTLS(srv *smtptest.Server) {
	r.t.Helper()
	r.send("STARTTLS\n")
	r.want("220")
	conn := tls.Client(r.conn, srv.ClientTLS())
	if err := conn.Handshake(); err != nil {
		r.t.Fatal(err)
	}
	r.conn, r.in = conn, bufio.NewReader(conn)
}

func plaintext(t *testing.T, change func(*smtptest.Config)) *smtptest.Server {
	t.Helper()
	srv := smtptest.NewUnstartedServer(t)
	srv.Config.Security = smtptest.Plaintext
	if change != nil {
		change(&srv.Config)
	}
	srv.Start()
	return srv
}

func TestNetSMTPOverStartTLS(t *testing.T) {
	t.Parallel()
	srv := smtptest.NewServer(t)
	client, err := netsmtp.Dial(srv.Addr())
	if err != nil {
		t.Fatal(err)
	}
	steps := []func() error{
		func() error { return client.Hello("client.example") },
		func() error { return client.StartTLS(srv.ClientTLS()) },
		func() error {
			return client.Auth(netsmtp.PlainAuth("", smtptest.User, smtptest.Password, srv.Host()))
		},
		func() error { return client.Mail("from@example.org") },
		func() error { return client.Rcpt("one@example.net") },
		func() error { return client.Rcpt("two@example.net") },
		func() error {
			w, err := client.Data()
			if err != nil {
				return err
			}
			if _, err := w.Write([]byte("Subject: x\r\n\r\n.dot\r\n..\r\n")); err != nil {
				return err
			}
			return w.Close()
		},
		client.Quit,
	}
	for i, step := range steps {
		if err := step(); err != nil {
			t.Fatal(i, err)
		}
	}
	if _, err := srv.WaitIdle(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	got := srv.Messages()
	if len(got) != 1 || got[0].Time.IsZero() {
		t.Fatal(got)
	}
	got[0].Time = time.Time{}
	recipient := func(address string) smtptest.Recipient {
		return smtptest.Recipient{
			Path: smtptest.Path{Address: address, Params: map[string]string{}}, Stored: true,
			Reply: "250 2.0.0 queued as 1.1", ReplyWritten: true,
		}
	}
	want := smtptest.Message{
		Session: 1, Transaction: 1, Hello: "client.example", User: smtptest.User, TLS: true,
		From:       smtptest.Path{Address: "from@example.org", Params: map[string]string{"BODY": "8BITMIME", "SMTPUTF8": ""}},
		Recipients: []smtptest.Recipient{recipient("one@example.net"), recipient("two@example.net")},
		Content:    []byte("Subject: x\r\n\r\n.dot\r\n..\r\n"),
		Wire:       []byte("Subject: x\r\n\r\n..dot\r\n...\r\n"),
		Size:       24, Complete: true, Stored: true, Reply: "250 2.0.0 queued as 1.1", ReplyWritten: true,
	}
	if diff := cmp.Diff(want, got[0]); diff != "" {
		t.Errorf("message (-want +got):\n%s", diff)
	}
	if v := srv.Violations(); v != nil {
		t.Error(v)
	}
	// EHLO, STARTTLS, EHLO, AUTH, MAIL, RCPT, RCPT, DATA, dot, QUIT.
	if n := srv.Sessions()[0].RoundTrips; n != 10 {
		t.Errorf("%d round trips, want 10", n)
	}
}

func TestLoginOverImplicitTLS(t *testing.T) {
	t.Parallel()
	srv := smtptest.NewUnstartedServer(t)
	srv.StartImplicitTLS()
	conn, err := tls.Dial("tcp", srv.Addr(), srv.ClientTLS())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	r := &raw{t: t, conn: conn, in: bufio.NewReader(conn)}
	r.want("220")
	r.send("EHLO x\n")
	r.want("250")
	r.send("AUTH LOGIN\n")
	r.want("334")
	r.send("dXNlckBleGFtcGxlLm9yZw==\n")
	r.want("334")
	r.send("Y29ycmVjdCBob3JzZSBiYXR0ZXJ5IHN0YXBsZQ==\n")
	r.want("235")
	r.send("QUIT\n")
	r.want("221")
	if s := srv.Sessions()[0]; s.User != smtptest.User || !s.TLS || s.Hello != "x" {
		t.Errorf("session %+v", s)
	}
}

func TestOneFlight(t *testing.T) {
	t.Parallel()
	srv := plaintext(t, nil)
	r := dial(t, srv)
	r.want("220")
	r.send("EHLO x\n")
	r.want("250")
	// The probe: a refused chunk is swallowed, so its NOOP is not run as a command.
	r.send("BDAT 6 LAST\nNOOP\nRSET\n")
	r.want("503", "250")
	flight := "MAIL FROM:<a@example.org>\nRCPT TO:<b@example.org>\nBDAT 9 LAST\n.dot\n.\nRSET\n"
	r.send(flight)
	r.want("250", "250", "250", "250")
	r.send("MAIL FROM:<>\nRCPT TO:<\"a b>c\"@example.org> NOTIFY=NEVER\nBDAT 2\n\nBDAT 0 LAST\nQUIT\n")
	r.want("250", "250", "250", "250", "221")
	messages, err := srv.WaitMessages(t.Context(), 2)
	if err != nil {
		t.Fatal(err)
	}
	if got := string(messages[0].Content); got != ".dot\r\n.\r\n" || messages[0].Chunks != 1 {
		t.Errorf("first content %q in %d chunks", got, messages[0].Chunks)
	}
	second := messages[1]
	if second.From.Address != "" || second.Recipients[0].Address != `"a b>c"@example.org` ||
		second.Recipients[0].Params["NOTIFY"] != "NEVER" || second.Chunks != 2 {
		t.Errorf("second message %+v", second)
	}
	session := srv.Sessions()[0]
	if session.RoundTrips != 4 {
		t.Errorf("%d round trips, want 4", session.RoundTrips)
	}
	if session.Count("NOOP") != 0 || session.Count("MAIL") != 2 || !strings.Contains(string(session.Sent()), strings.ReplaceAll(flight, "\n", "\r\n")) {
		t.Errorf("session:\n%s", session)
	}
	if v := srv.Violations(); v != nil {
		t.Error(v)
	}
}

func TestPipelinedData(t *testing.T) {
	t.Parallel()
	srv := plaintext(t, nil)
	r := dial(t, srv)
	r.want("220")
	r.send("EHLO x\n")
	r.want("250")
	r.send("MAIL FROM:<a@example.org>\nRCPT TO:<b@example.org>\nDATA\n")
	r.want("250", "250", "354")
	r.send("1\n.\nRSET\nMAIL FROM:<a@example.org>\nRCPT TO:<c@example.org>\nDATA\n")
	r.want("250", "250", "250", "250", "354")
	r.send(".\nQUIT\n")
	r.want("250", "221")
	var got []string
	for _, m := range srv.Messages() {
		got = append(got, m.Addresses()[0]+" "+string(m.Content))
	}
	if diff := cmp.Diff([]string{"b@example.org 1\r\n", "c@example.org "}, got); diff != "" {
		t.Error(diff)
	}
}

func TestStart(t *testing.T) {
	t.Parallel()
	srv, err := smtptest.Start(smtptest.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if err := netsmtp.SendMail(srv.Addr(), nil, "a@example.org", []string{"b@example.org"}, nil); err == nil {
		t.Error("an unknown authority was trusted")
	}
	srv.Close()
	srv.Close()
	if _, err := net.Dial("tcp", srv.Addr()); err == nil {
		t.Error("closed server accepts")
	}
	if _, err := smtptest.Start(smtptest.Config{Address: "256.0.0.1:0"}); err == nil {
		t.Error("an impossible address was taken")
	}
}

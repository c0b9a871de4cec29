package smtptest_test

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"

	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
	"github.com/google/go-cmp/cmp"
)

// TestActions says what each action at MAIL looks like to a client.
func TestActions(t *testing.T) {
	t.Parallel()
	done := make(chan struct{})
	close(done)
	cases := map[string]struct {
		do   smtptest.Action
		want string // up to the end of the stream, or to the reply to NOOP
		err  error  // after want; nil for a session that goes on
	}{
		"default":     {do: smtptest.Default(), want: "250 2.1.0 sender ok\r\n"},
		"reply":       {do: smtptest.Reply("450-4.2.1 a\n450 4.2.1 b"), want: "450-4.2.1 a\r\n450 4.2.1 b\r\n"},
		"digits only": {do: smtptest.Reply("250"), want: "250\r\n"},
		"raw":         {do: smtptest.Raw("\x00\xff25"), want: "\x00\xff25"},
		"repeat":      {do: smtptest.Repeat("250-x\r\n", 20_000).Then(smtptest.Close()), want: strings.Repeat("250-x\r\n", 20_000), err: io.EOF},
		"one more":    {do: smtptest.Default().Then(smtptest.Raw("250 again\r\n")), want: "250 2.1.0 sender ok\r\n250 again\r\n"},
		"garbage before": {
			do: smtptest.Raw("SSH-2.0\r\n").Then(smtptest.Flush()).Then(smtptest.Default()), want: "SSH-2.0\r\n250 2.1.0 sender ok\r\n",
		},
		"slowly":      {do: smtptest.Slowly(1).Then(smtptest.Default()), want: "250 2.1.0 sender ok\r\n"},
		"wait":        {do: smtptest.Wait(done).Then(smtptest.Pause(1)).Then(smtptest.Default()), want: "250 2.1.0 sender ok\r\n"},
		"close":       {do: smtptest.Close(), err: io.EOF},
		"421":         {do: smtptest.Reply("421 4.3.2 bye").Then(smtptest.Close()), want: "421 4.3.2 bye\r\n", err: io.EOF},
		"cut a reply": {do: smtptest.Raw("250 2.").Then(smtptest.Cut()), want: "250 2.", err: io.EOF},
		"reset":       {do: smtptest.Reset(), err: syscall.ECONNRESET},
		"half close":  {do: smtptest.HalfClose(), err: io.EOF},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := plaintext(t, func(c *smtptest.Config) {
				c.Hooks = []smtptest.Hook{
					smtptest.On(smtptest.Mail, tc.do),
					smtptest.On(smtptest.Noop, smtptest.Raw("|END|")),
				}
			})
			r := dial(t, srv)
			r.want("220")
			r.send("EHLO x\n")
			r.want("250")
			r.send("MAIL FROM:<a@example.org>\n")
			if tc.err == nil {
				r.send("NOOP\n")
			}
			got, err := readTo(r.in, "|END|")
			if got != tc.want || !errors.Is(err, tc.err) {
				t.Errorf("read %.200q, %v; want %.200q, %v", got, err, tc.want, tc.err)
			}
		})
	}
}

// readTo reads up to a mark, which it drops, or to an error.
func readTo(in io.ByteReader, mark string) (string, error) {
	var got strings.Builder
	for {
		o, err := in.ReadByte()
		if err != nil {
			return got.String(), err
		}
		got.WriteByte(o)
		if text, ok := strings.CutSuffix(got.String()[max(0, got.Len()-len(mark)):], mark); ok && text == "" {
			return strings.TrimSuffix(got.String(), mark), nil
		}
	}
}

// TestSilence holds that a silent server sends nothing and that Close ends it.
func TestSilence(t *testing.T) {
	t.Parallel()
	for name, do := range map[string]smtptest.Action{
		"silence": smtptest.Silence(), "stop reading": smtptest.StopReading(), "wait": smtptest.Wait(make(chan struct{})),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := plaintext(t, func(c *smtptest.Config) { c.Hooks = []smtptest.Hook{smtptest.On(smtptest.Ehlo, do)} })
			r := dial(t, srv)
			r.want("220")
			r.send("EHLO x\n")
			if err := srv.Wait(t.Context(), func() bool { return len(srv.Sessions()[0].Commands) == 1 }); err != nil {
				t.Fatal(err)
			}
			srv.Close()
			if n, err := r.in.Read(make([]byte, 1)); n != 0 || err == nil {
				t.Errorf("read %d octets, %v", n, err)
			}
		})
	}
}

// TestStored holds what counts as stored, at the end of the content, over DATA and BDAT.
func TestStored(t *testing.T) {
	t.Parallel()
	type truth struct{ Stored, Written, Complete bool }
	cases := map[string]struct {
		at   string
		do   smtptest.Action
		want truth
	}{
		"accepted":          {smtptest.End, smtptest.Default(), truth{true, true, true}},
		"refused":           {smtptest.End, smtptest.Reply("554 5.6.0 no"), truth{false, true, true}},
		"the reply is lost": {smtptest.End, smtptest.Accept().Then(smtptest.Reset()), truth{true, false, true}},
		"half a reply": {
			smtptest.End, smtptest.Accept().Then(smtptest.Raw("25")).Then(smtptest.Cut()), truth{true, false, true},
		},
		"refused and lost": {smtptest.End, smtptest.Decide("451 no").Then(smtptest.Close()), truth{false, false, true}},
		"no verdict":       {smtptest.End, smtptest.Close(), truth{false, false, true}},
		"reset behind the reply": {
			smtptest.End, smtptest.Default().Then(smtptest.Flush()).Then(smtptest.Reset()), truth{true, true, true},
		},
		"reset in the content": {smtptest.Body, smtptest.Read(3).Then(smtptest.Reset()), truth{}},
		"an early refusal":     {smtptest.Body, smtptest.Read(3).Then(smtptest.Reply("552 no")), truth{}},
		"an early acceptance that is none": {
			smtptest.Body, smtptest.Read(3).Then(smtptest.Raw("250 ok\r\n")).Then(smtptest.Silence()), truth{},
		},
	}
	for name, tc := range cases {
		for form, text := range map[string]string{
			"DATA": "DATA\n1234\n\n.\n", "BDAT": "BDAT 8 LAST\n1234\n\n", "two chunks": "BDAT 6\n1234\nBDAT 2 LAST\n\n",
		} {
			t.Run(name+" "+form, func(t *testing.T) {
				t.Parallel()
				srv := plaintext(t, func(c *smtptest.Config) { c.Hooks = []smtptest.Hook{smtptest.On(tc.at, tc.do)} })
				r := dial(t, srv)
				r.want("220")
				r.send("EHLO x\n")
				r.want("250")
				r.send("MAIL FROM:<a@example.org>\nRCPT TO:<b@example.org>\n" + text)
				half, ok := r.conn.(interface{ CloseWrite() error })
				if !ok || half.CloseWrite() != nil {
					t.Log("the server was faster")
				}
				if _, err := srv.WaitIdle(t.Context(), 1); err != nil {
					t.Fatal(err)
				}
				attempts := srv.Attempts()
				if len(attempts) != 1 {
					t.Fatalf("attempts %+v", attempts)
				}
				m := attempts[0]
				if diff := cmp.Diff(tc.want, truth{m.Stored, m.ReplyWritten, m.Complete}); diff != "" {
					t.Errorf("(-want +got):\n%s\n%s", diff, srv.Sessions()[0])
				}
				if m.Complete && string(m.Content) != "1234\r\n\r\n" || tc.at == smtptest.Body && m.Stored {
					t.Errorf("content %q", m.Content)
				}
				if got := len(srv.Messages()); (got == 1) != tc.want.Stored || m.Recipients[0].Stored != tc.want.Stored {
					t.Errorf("%d stored messages, recipient %+v", got, m.Recipients[0])
				}
			})
		}
	}
}

func TestCertificates(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		kind smtptest.Certificate
		want func(error) bool
	}{
		"trusted":          {smtptest.Trusted, func(err error) bool { return err == nil }},
		"expired":          {smtptest.Expired, invalid(x509.Expired)},
		"not yet valid":    {smtptest.NotYetValid, invalid(x509.Expired)},
		"wrong name":       {smtptest.WrongName, as[x509.HostnameError]},
		"self-signed":      {smtptest.SelfSigned, as[x509.UnknownAuthorityError]},
		"unknown CA":       {smtptest.UnknownCA, as[x509.UnknownAuthorityError]},
		"common name only": {smtptest.CommonNameOnly, as[x509.HostnameError]},
		"client auth only": {smtptest.ClientAuthOnly, invalid(x509.IncompatibleUsage)},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := smtptest.NewUnstartedServer(t)
			srv.Config.Certificate = tc.kind
			srv.StartImplicitTLS()
			conn, err := tls.Dial("tcp", srv.Addr(), srv.ClientTLS())
			if err == nil {
				_ = conn.Close()
			}
			if !tc.want(err) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func as[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

func invalid(reason x509.InvalidReason) func(error) bool {
	return func(err error) bool {
		e, ok := errors.AsType[x509.CertificateInvalidError](err)
		return ok && e.Reason == reason
	}
}

func TestTLSVersions(t *testing.T) {
	t.Parallel()
	srv := smtptest.NewUnstartedServer(t)
	srv.Config.TLS = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}
	srv.StartImplicitTLS()
	if _, err := tls.Dial("tcp", srv.Addr(), srv.ClientTLS()); err == nil {
		t.Error("TLS 1.1 was taken")
	}
	old := srv.ClientTLS()
	old.MinVersion = tls.VersionTLS10
	conn, err := tls.Dial("tcp", srv.Addr(), old)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if v := conn.ConnectionState().Version; v != tls.VersionTLS11 {
		t.Errorf("version %x", v)
	}
}

// TestInjection holds that what is said after the 220 comes in the same piece, before the handshake.
func TestInjection(t *testing.T) {
	t.Parallel()
	srv := smtptest.NewUnstartedServer(t)
	srv.Config.Hooks = []smtptest.Hook{smtptest.Script(
		smtptest.Case{At: smtptest.StartTLS, Session: 1, Do: smtptest.Default().Then(smtptest.Raw("250-evil\r\n250 AU"))},
		smtptest.Case{At: smtptest.Handshake, Session: 2, Do: smtptest.Raw("not TLS at all").Then(smtptest.Close())},
		smtptest.Case{At: smtptest.Secured, Session: 3, Do: smtptest.Raw("220 unasked\r\n")},
	)}
	srv.Start()
	r := dial(t, srv)
	r.want("220")
	r.send("EHLO x\n")
	r.want("250")
	r.send("STARTTLS\n")
	r.want("220")
	if got, err := readTo(r.in, " AU"); got != "250-evil\r\n250" || err != nil {
		t.Errorf("read %q, %v", got, err)
	}
	_ = r.conn.Close()

	r = dial(t, srv)
	r.want("220")
	r.send("EHLO x\n")
	r.want("250")
	r.send("STARTTLS\n")
	r.want("220")
	if got, err := io.ReadAll(r.in); string(got) != "not TLS at all" || err != nil {
		t.Errorf("read %q, %v", got, err)
	}

	r = dial(t, srv)
	r.want("220")
	r.send("EHLO x\n")
	r.want("250")
	r.startTLS(srv)
	r.want("220")
	r.send("EHLO x\n")
	r.want("250")
	if got := srv.Sessions()[2].Transcript; !got[len(got)-1].TLS || got[0].TLS {
		t.Error("the transcript does not know what was under TLS")
	}
}

// TestUnreadChunk holds the server that runs content as commands, for clients that trust it.
func TestUnreadChunk(t *testing.T) {
	t.Parallel()
	srv := plaintext(t, func(c *smtptest.Config) { c.Hooks = []smtptest.Hook{smtptest.ChunksUnread()} })
	r := dial(t, srv)
	r.want("220")
	r.send("EHLO x\n")
	r.want("250")
	r.send("BDAT 6 LAST\nNOOP\nRSET\n")
	r.want("502", "250", "250")
	r.send("MAIL FROM:<a@example.org>\nRCPT TO:<b@example.org>\nBDAT 3 LAST\nx\nRSET\n")
	r.want("250", "250", "250", "250")
	if diff := cmp.Diff([]string{"NOOP"}, srv.Sessions()[0].Smuggled); diff != "" {
		t.Errorf("smuggled (-want +got):\n%s", diff)
	}
}

// TestReplyToNobody stores a message whose sender is gone when the reply leaves.
func TestReplyToNobody(t *testing.T) {
	t.Parallel()
	gone := make(chan struct{})
	srv := plaintext(t, func(c *smtptest.Config) {
		c.Hooks = []smtptest.Hook{smtptest.On(smtptest.End, smtptest.Wait(gone).Then(smtptest.Default()))}
	})
	r := dial(t, srv)
	r.want("220")
	r.send("EHLO x\n")
	r.want("250")
	r.send("MAIL FROM:<>\nRCPT TO:<a@b>\nBDAT 2 LAST\n\n")
	r.want("250", "250")
	if err := r.conn.(*net.TCPConn).SetLinger(0); err != nil {
		t.Fatal(err)
	}
	_ = r.conn.Close()
	close(gone)
	if _, err := srv.WaitIdle(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if m := srv.Messages(); len(m) != 1 || m[0].ReplyWritten || m[0].Recipients[0].ReplyWritten {
		t.Errorf("messages %+v", m)
	}
}

// TestPlaintextBehindStartTLS holds that the server forgets what a client, or an attacker on the way,
// said in the same piece.
func TestPlaintextBehindStartTLS(t *testing.T) {
	t.Parallel()
	srv := smtptest.NewServer(t)
	r := dial(t, srv)
	r.want("220")
	r.send("EHLO x\n")
	r.want("250")
	r.send("STARTTLS\nNOOP\n")
	r.want("220")
	conn := tls.Client(r.conn, srv.ClientTLS())
	r.conn, r.in = conn, bufio.NewReader(conn)
	r.send("EHLO x\nQUIT\n")
	r.want("250", "221")
	if n := srv.Sessions()[0].Count(smtptest.Noop); n != 0 {
		t.Errorf("%d NOOP", n)
	}
	if v := srv.Violations(); len(v) != 2 || v[0].Rule != smtptest.PipeliningRule {
		t.Error(v)
	}
}

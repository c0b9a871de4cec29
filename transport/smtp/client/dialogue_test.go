package client_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/internal/bodyscan"
	"github.com/depeche-mail/depeche/transport/smtp/authentication"
	"github.com/depeche-mail/depeche/transport/smtp/client"
	"github.com/depeche-mail/depeche/transport/smtp/extension"
	"github.com/depeche-mail/depeche/transport/smtp/response"
	"github.com/google/go-cmp/cmp"
)

// TestDialogues plays every testdata/*.txtar: what the server says and what the client must say, line
// by line, then what the client must have made of it. The comment of each file names its rule.
//
// In the wire section "C:" is a line that the client must send next, "S:" one that the server sends,
// "S~" octets without a line end (with Go escapes), "* close" the end of the stream, "* silence" that
// the server says nothing until the client goes. Lines of the server that follow each other go out in
// one piece. At the end nothing more may come from the client.
func TestDialogues(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			synctest.Test(t, func(t *testing.T) { play(t, sections(string(text))) })
		})
	}
}

type section struct{ name, text string }

// sections splits a txtar archive; the comment is dropped.
func sections(text string) (list []section) {
	for line := range strings.Lines(text) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), "-- "); ok && strings.HasSuffix(name, " --") {
			list = append(list, section{name: strings.TrimSuffix(name, " --")})
		} else if len(list) > 0 {
			list[len(list)-1].text += line
		}
	}
	return list
}

func play(t *testing.T, list []section) {
	near, far := net.Pipe()
	var got strings.Builder
	cfg := client.Config{TLS: client.TLSNone, Address: "mx.example.org:25", Trace: func(e client.Event) {
		t.Log(e)
		wantNoSecret(t, e.String())
	}}
	var want string
	var mails []client.Mail
	server := make(chan struct{})
	for _, s := range list {
		switch s.name {
		case "config":
			configure(t, &cfg, s.text)
		case "mail":
			mails = append(mails, newMail(t, s.text))
		case "wire":
			go func() {
				defer close(server)
				serve(t, far, s.text)
			}()
		case "want":
			want = s.text
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	begin := time.Now()
	conn, err := client.New(ctx, near, cfg)
	if err != nil {
		wantNoSecret(t, err.Error())
		describe(&got, err)
	} else {
		for i, mail := range mails {
			if i > 0 {
				synctest.Wait() // until the reader has taken what came after the last verdict
			}
			describeReceipt(&got, mail, conn.Send(ctx, mail))
		}
		if conn.Err() != nil {
			got.WriteString("broken\n")
		}
		if took := time.Since(begin); took > 0 { // of the bubble
			fmt.Fprintf(&got, "after %v\n", took)
		}
		_ = conn.Quit(ctx)
	}
	_ = near.Close()
	<-server
	if diff := cmp.Diff(want, got.String()); diff != "" {
		t.Errorf("result (-want +got):\n%s", diff)
	}
}

// wantNoSecret fails when text shows the password of the dialogues, or what it is on the wire.
func wantNoSecret(t *testing.T, text string) {
	t.Helper()
	for _, secret := range []string{"s3cret", "czNjcmV0", "AHVzZXIAczNjcmV0"} {
		if strings.Contains(text, secret) {
			t.Errorf("%q shows the password", text)
		}
	}
}

func configure(t *testing.T, cfg *client.Config, text string) {
	t.Helper()
	for line := range strings.SplitSeq(strings.TrimSpace(text), "\n") {
		key, value, _ := strings.Cut(line, " ")
		switch key {
		case "chunking":
			cfg.Chunking = map[string]client.Chunking{"trusted": client.ChunkingTrusted, "off": client.ChunkingOff}[value]
		case "lmtp":
			cfg.LMTP = true
		case "all-or-nothing":
			cfg.AllOrNothing = true
		case "starttls":
			cfg.TLS = client.TLSStartTLS
		case "opportunistic":
			cfg.TLS = client.TLSDangerousOpportunistic
		case "insecure-auth":
			cfg.InsecureAuth = true
		case "without":
			cfg.Without = append(cfg.Without, extension.Keyword(value))
		case "password", "token":
			user, secret, _ := strings.Cut(value, " ")
			kind := map[string]func(string, string) (authentication.Credentials, error){
				"password": authentication.Password, "token": authentication.Token,
			}[key]
			c, err := kind(user, secret)
			if err != nil {
				t.Fatal(err)
			}
			cfg.Credentials = c
		default:
			t.Fatalf("unknown key %q", key)
		}
	}
}

// rawMail is a mail of a dialogue.
type rawMail struct {
	env    envelope.Envelope
	data   string
	binary bool
	fail   int // the source fails after so many octets; negative for never
}

func (m *rawMail) Envelope() envelope.Envelope { return m.env }
func (m *rawMail) BodyInfo() (bodyscan.Info, bool) {
	eight := strings.ContainsFunc(m.data, func(r rune) bool { return r > 127 })
	return bodyscan.Info{Size: int64(len(m.data)), EightBit: eight, Binary: m.binary}, true
}

var errDialogue = errors.New("source failed")

func (m *rawMail) WriteTo(w io.Writer) (int64, error) {
	data := m.data
	if m.fail >= 0 {
		data = data[:m.fail]
	}
	n, err := io.WriteString(w, data)
	if err == nil && m.fail >= 0 {
		err = errDialogue
	}
	return int64(n), err
}

func newMail(t *testing.T, text string) *rawMail {
	t.Helper()
	m := &rawMail{fail: -1}
	head, body, _ := strings.Cut(text, "\n\n")
	m.data = strings.ReplaceAll(body, "\n", "\r\n")
	var from envelope.Address
	var to []envelope.Address
	var notify envelope.Notify
	var delivery envelope.Options
	for line := range strings.Lines(head) {
		fields := strings.Fields(line)
		switch fields[0] {
		case "from":
			from = address(t, fields[1])
		case "to":
			for _, a := range fields[1:] {
				to = append(to, address(t, a))
			}
		case "binary":
			m.binary = true
		case "fail":
			m.fail, _ = strconv.Atoi(fields[1])
		case "notify":
			notify = envelope.NotifySuccess | envelope.NotifyFailure
		case "return":
			delivery.DSNReturn = envelope.ReturnHeaders
		case "mail_params":
			delivery.MailParams = strings.Join(fields[1:], " ")
		case "rcpt_params":
			delivery.RcptParams = strings.Join(fields[1:], " ")
		case "envid":
			delivery.EnvelopeID = fields[1]
		case "submitter":
			delivery.Submitter = address(t, fields[1])
		case "requiretls":
			delivery.RequireTLS = true
		default:
			t.Fatalf("unknown key %q of a mail", fields[0])
		}
	}
	recipients := make([]envelope.Recipient, len(to))
	for i, a := range to {
		recipients[i] = envelope.Recipient{Address: a, Notify: notify}
	}
	env, err := envelope.NewWithOptions(from, recipients, delivery)
	if err != nil {
		t.Fatal(err)
	}
	m.env = env
	return m
}

func address(t *testing.T, s string) envelope.Address {
	t.Helper()
	a, err := envelope.ParseAddress(s)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// serve is the other end of the dialogue.
func serve(t *testing.T, nc net.Conn, script string) {
	defer nc.Close()
	r := bufio.NewReader(nc)
	var out string
	lines := slices.Collect(strings.Lines(script))
	for i, line := range lines {
		line = strings.TrimSuffix(line, "\n")
		kind, text := line[:2], strings.TrimPrefix(line[2:], " ")
		switch kind {
		case "S:":
			out += text + "\r\n"
		case "S~":
			raw, err := strconv.Unquote(`"` + text + `"`)
			if err != nil {
				t.Errorf("script line %d: %v", i+1, err)
			}
			out += raw
		case "C:":
			got, err := r.ReadString('\n')
			if got != text+"\r\n" {
				t.Errorf("script line %d: client said %q (%v), want %q", i+1, got, err, text)
				return
			}
		case "* ":
			if text == "close" {
				return
			}
			_, _ = io.Copy(io.Discard, r) // silence
			return
		}
		if last := i == len(lines)-1; out != "" && (last || !strings.HasPrefix(lines[i+1], "S")) {
			_, _ = io.WriteString(nc, out) // the client may be gone, which the result shows
			out = ""
		}
	}
	if rest, _ := io.ReadAll(r); len(rest) > 0 {
		t.Errorf("client said more: %q", rest)
	}
}

func describeReceipt(b *strings.Builder, mail client.Mail, r *client.Result) {
	for i, v := range r.Recipients {
		fmt.Fprintf(b, "%s %s", mail.Envelope().At(i).Address, v.Outcome)
		if !v.Response.IsZero() {
			b.WriteString(": " + v.Response.String())
		}
		b.WriteString("\n")
	}
	if r.Err != nil {
		describe(b, r.Err)
	}
}

func describe(b *strings.Builder, err error) {
	kinds := []struct {
		err  error
		name string
	}{
		{io.ErrUnexpectedEOF, "unexpected EOF"},
		{os.ErrDeadlineExceeded, "timeout"},
		{context.Canceled, "canceled"},
		{client.ErrInjection, "injection"},
		{client.ErrNoStartTLS, "no STARTTLS"},
		{errDialogue, "source failed"},
		{client.ErrNoBinaryMIME, "no BINARYMIME"},
	}
	var e *client.Error
	if !errors.As(err, &e) {
		fmt.Fprintf(b, "error %v\n", err)
		return
	}
	fmt.Fprintf(b, "error in %s", e.Phase)
	if !e.Response.IsZero() {
		b.WriteString(": " + e.Response.String())
	}
	for _, k := range kinds {
		if errors.Is(err, k.err) {
			b.WriteString(" (" + k.name + ")")
		}
	}
	if errors.As(err, new(*response.ProtocolError)) {
		b.WriteString(" (protocol)")
	}
	if login, ok := errors.AsType[*authentication.Error](err); ok {
		b.WriteString(" (" + login.Kind.String() + ")")
	}
	if e.Temporary() {
		b.WriteString(" temporary")
	}
	b.WriteString("\n")
}

package wire_test

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/interop/rig"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/smtp"
	"github.com/depeche-mail/depeche/transport/smtp/authentication"
	"github.com/depeche-mail/depeche/transport/smtp/client"
	"github.com/depeche-mail/depeche/transport/smtp/extension"
)

func TestMain(m *testing.M) { os.Exit(rig.Main(m)) }

// peer is a listener of a real server and what it is like.
type peer struct {
	name    string
	server  string // the script
	address string // the setting
	mail    string // the setting of the folder
	// folder is where mail for a local part is, below mail; %s is the local part.
	folder string
	local  func(i int) string // the local part of recipient i, "" for any
	lmtp   bool
	tls    bool // STARTTLS
	login  bool
	forms  []string
	no8bit bool
}

func peers() []peer {
	named := func(i int) string { return fmt.Sprintf("wire%d", i) }
	dovecot := func(i int) string { return fmt.Sprintf("u%03d", i) }
	all := []string{"lockstep", "DATA", "BDAT", "probe", "bulk DATA", "window", "writer"}
	pipelining := []string{"lockstep", "DATA", "bulk DATA", "writer"}
	lockstep := []string{"lockstep", "bulk DATA", "writer"}
	return []peer{
		{name: "Postfix", server: "postfix", address: "POSTFIX_SMTP_ADDR", mail: "POSTFIX_MAIL", folder: "%s", local: named, forms: all},
		{name: "Postfix strict", server: "postfix", address: "POSTFIX_STRICT_ADDR", mail: "POSTFIX_MAIL", folder: "%s", local: named, forms: all},
		{name: "Postfix submission", server: "postfix", address: "POSTFIX_SUBMISSION_ADDR", mail: "POSTFIX_MAIL", folder: "%s", local: named, tls: true, login: true, forms: all},
		{name: "Postfix bare", server: "postfix", address: "POSTFIX_BARE_ADDR", mail: "POSTFIX_MAIL", folder: "%s", local: named, forms: lockstep, no8bit: true},
		{name: "Exim", server: "exim", address: "EXIM_SMTP_ADDR", mail: "EXIM_MAIL", folder: "%s", local: named, forms: all},
		{name: "Exim strict", server: "exim", address: "EXIM_STRICT_ADDR", mail: "EXIM_MAIL", folder: "%s", local: named, tls: true, login: true, forms: all},
		{name: "Dovecot LMTP", server: "dovecot", address: "DOVECOT_LMTP_ADDR", mail: "DOVECOT_MAIL", folder: "%s@rig.test/Maildir", local: dovecot, lmtp: true, forms: all},
		{name: "OpenSMTPD", server: "opensmtpd", address: "OPENSMTPD_SMTP_ADDR", mail: "OPENSMTPD_MAIL", folder: "%s", local: named, forms: lockstep},
		{name: "aiosmtpd", server: "aiosmtpd", address: "AIOSMTPD_SMTP_ADDR", mail: "AIOSMTPD_MAIL", folder: "%s", local: named, forms: lockstep},
		{name: "smtp-server", server: "nodesmtp", address: "NODESMTP_SMTP_ADDR", mail: "NODESMTP_MAIL", folder: "%s", local: named, forms: pipelining},
		{name: "go-smtp", server: "gosmtp", address: "GOSMTP_SMTP_ADDR", mail: "GOSMTP_MAIL", folder: "%s", local: named, tls: true, login: true, forms: all},
		{name: "go-smtp LMTP", server: "gosmtp", address: "GOSMTP_LMTP_ADDR", mail: "GOSMTP_MAIL", folder: "%s", local: named, lmtp: true, forms: all},
	}
}

// transport returns a transport to the peer for a form.
func (p peer) transport(t *testing.T, r *rig.Rig, form string) *smtp.Transport {
	t.Helper()
	host, port := r.HostPort(t, p.address)
	b := smtp.Dangerous(host)
	switch {
	case p.lmtp:
		b = smtp.LMTP(host)
	case p.tls:
		b = smtp.StartTLSRelay(host).TLSConfig(r.TLS(t))
	}
	if p.login {
		b = b.Credentials(r.Get(t, "RIG_USER"), r.Get(t, "RIG_PASS"))
	}
	b = b.Port(port).Pool(smtp.Pool{MaxOpen: 1})
	switch form {
	case "lockstep":
		b = b.Without(extension.Pipelining)
	case "DATA", "bulk DATA":
		b = b.Chunking(client.ChunkingOff)
	case "BDAT":
		b = b.Chunking(client.ChunkingTrusted)
	case "window":
		b = b.Chunking(client.ChunkingTrusted).Pipelining(20)
	}
	sender, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sender.Close() })
	return sender
}

// body has what servers and clients get wrong: dots at the start of lines, a lone dot, lines of 998
// octets, blanks at the end of lines, and a look-alike of a command.
func body(id string, eightBit bool) string {
	text := "From: alice@rig.test\r\nSubject: " + id + "\r\nMessage-ID: <" + id + "@rig.test>\r\nDate: Wed, 25 Nov 2026 12:00:00 +0000\r\n\r\n" +
		".one\r\n..two\r\n.\r\n...\r\n" + strings.Repeat("x", 998) + "\r\nblanks  \t\r\nRSET\r\nMAIL FROM:<evil@rig.test>\r\n\r\n"
	if eightBit {
		text += "Grüße\r\n"
	}
	return text + "the end\r\n"
}

func mail(t *testing.T, from string, data string, to ...string) transport.Mail {
	t.Helper()
	var list []envelope.Address
	for _, s := range to {
		list = append(list, address(t, s))
	}
	env, err := envelope.New(address(t, from), list...)
	if err != nil {
		t.Fatal(err)
	}
	return transport.Raw(env, []byte(data))
}

func address(t *testing.T, s string) envelope.Address {
	t.Helper()
	a, err := envelope.ParseAddress(s)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// TestEveryForm sends three messages in every form to every server, to two recipients each, and compares
// what is stored with what was sent, octet by octet behind the trace fields that the server adds.
func TestEveryForm(t *testing.T) {
	next := 0
	for _, p := range peers() {
		for _, form := range p.forms {
			t.Run(p.name+" "+form, func(t *testing.T) {
				r := rig.Start(t, p.server)
				a, b := p.local(next), p.local(next+1)
				next += 2
				sender := p.transport(t, r, form)
				var sent []string
				for i := range 3 {
					sent = append(sent, body(fmt.Sprintf("m%d.%d", next, i), !p.no8bit && i == 2))
				}
				switch form {
				case "bulk DATA", "window":
					sendAll(t, sender, sent, a, b)
				case "writer":
					write(t, r, p, sent, a, b)
				default:
					for _, data := range sent {
						result, err := sender.Send(t.Context(), mail(t, "alice@rig.test", data, a+"@rig.test", b+"@rig.test"))
						if err != nil {
							t.Fatalf("%+v: %v", result, err)
						}
					}
				}
				for _, local := range []string{a, b} {
					compare(t, r.Stored(t, p.mail, fmt.Sprintf(p.folder, local), len(sent)), sent)
				}
			})
		}
	}
}

func sendAll(t *testing.T, sender *smtp.Transport, sent []string, a, b string) {
	t.Helper()
	n := 0
	for s, err := range transport.SendAll(t.Context(), sender, func(yield func(transport.Mail) bool) {
		for _, data := range sent {
			if !yield(mail(t, "alice@rig.test", data, a+"@rig.test", b+"@rig.test")) {
				return
			}
		}
	}) {
		if err != nil {
			t.Errorf("mail %d: %v", s.Index, err)
		}
		n++
	}
	if n != len(sent) {
		t.Errorf("%d results", n)
	}
}

// write sends through a transaction of a connection of its own.
func write(t *testing.T, r *rig.Rig, p peer, sent []string, a, b string) {
	t.Helper()
	cfg := client.Config{Address: r.Get(t, p.address), TLS: client.TLSNone, LMTP: p.lmtp, Chunking: client.ChunkingTrusted}
	if p.tls {
		cfg.TLS, cfg.TLSConfig = client.TLSStartTLS, r.TLS(t)
	}
	if p.login {
		credentials, err := authentication.Password(r.Get(t, "RIG_USER"), r.Get(t, "RIG_PASS"))
		if err != nil {
			t.Fatal(err)
		}
		cfg.Credentials = credentials
	}
	conn, err := client.Dial(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for _, data := range sent {
		m := mail(t, "alice@rig.test", data, a+"@rig.test", b+"@rig.test")
		tx, receipt := conn.Begin(t.Context(), m.Envelope(), client.Content{EightBit: strings.Contains(data, "ü")})
		if tx == nil {
			t.Fatal(receipt.Err)
		}
		for piece := range strings.Lines(data) {
			if _, err := tx.Write([]byte(piece)); err != nil {
				t.Fatal(err)
			}
		}
		if receipt := tx.Close(); receipt.Err != nil {
			t.Fatal(receipt.Err)
		}
	}
}

// compare finds each sent message, whole, behind the trace fields of a stored one.
func compare(t *testing.T, stored [][]byte, sent []string) {
	t.Helper()
	if len(stored) != len(sent) {
		t.Errorf("%d stored, %d sent", len(stored), len(sent))
	}
	for _, want := range sent {
		found := false
		for _, data := range stored {
			canonical := strings.ReplaceAll(strings.ReplaceAll(string(data), "\r\n", "\n"), "\n", "\r\n") // Maildirs keep bare LF
			found = found || strings.HasSuffix(canonical, want)
		}
		if !found {
			t.Errorf("not stored as sent:\n%.300q\nstored:\n%.600q", want, bytes.Join(stored, []byte("\n----\n")))
		}
	}
}

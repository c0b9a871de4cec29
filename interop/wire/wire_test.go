package wire_test

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/interop/rig"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/smtp"
	"github.com/depeche-mail/depeche/transport/smtp/authentication"
	"github.com/depeche-mail/depeche/transport/smtp/client"
	"github.com/depeche-mail/depeche/transport/smtp/extension"
	"github.com/google/go-cmp/cmp"
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
	local  func(i int) string // the local part of recipient i
	lmtp   bool
	tls    client.TLSMode
	login  bool
	forms  []string
	no8bit bool
}

func peers() []peer {
	named := func(i int) string { return fmt.Sprintf("wire%d", i) }
	account := func(i int) string { return fmt.Sprintf("u%03d", i) }
	all := []string{"lockstep", "DATA", "BDAT", "probe", "bulk DATA", "window", "writer"}
	pipelining := []string{"lockstep", "DATA", "bulk DATA", "writer"}
	lockstep := []string{"lockstep", "bulk DATA", "writer"}
	const plain, starttls, implicit = client.TLSNone, client.TLSStartTLS, client.TLSImplicit
	list := []peer{
		{name: "Postfix", server: "postfix", address: "SMTP", tls: plain, forms: all},
		{name: "Postfix strict", server: "postfix", address: "STRICT", tls: plain, forms: all},
		{name: "Postfix submission", server: "postfix", address: "SUBMISSION", tls: starttls, login: true, forms: all},
		{name: "Postfix smtps", server: "postfix", address: "SMTPS", tls: implicit, login: true, forms: all},
		{name: "Postfix bare", server: "postfix", address: "BARE", tls: plain, forms: lockstep, no8bit: true},
		{name: "Exim", server: "exim", address: "SMTP", tls: plain, forms: all},
		{name: "Exim strict", server: "exim", address: "STRICT", tls: starttls, login: true, forms: all},
		{name: "Exim smtps", server: "exim", address: "SMTPS", tls: implicit, login: true, forms: all},
		{name: "Exim bare", server: "exim", address: "BARE", tls: plain, forms: lockstep},
		{name: "Dovecot", server: "dovecot", address: "LMTP", tls: plain, lmtp: true, forms: all},
		{name: "Dovecot starttls", server: "dovecot", address: "LMTP", tls: starttls, lmtp: true, forms: []string{"writer"}},
		{name: "Dovecot lmtps", server: "dovecot", address: "LMTPS", tls: implicit, lmtp: true, forms: []string{"writer"}},
		{name: "OpenSMTPD", server: "opensmtpd", address: "SMTP", tls: plain, forms: lockstep},
		{name: "aiosmtpd", server: "aiosmtpd", address: "SMTP", tls: starttls, login: true, forms: lockstep},
		{name: "aiosmtpd smtps", server: "aiosmtpd", address: "SMTPS", tls: implicit, login: true, forms: lockstep},
		{name: "aiosmtpd LMTP", server: "aiosmtpd", address: "LMTP", tls: plain, lmtp: true, forms: lockstep},
		{name: "smtp-server", server: "nodesmtp", address: "SMTP", tls: starttls, login: true, forms: pipelining},
		{name: "smtp-server smtps", server: "nodesmtp", address: "SMTPS", tls: implicit, login: true, forms: pipelining},
		{name: "smtp-server LMTP", server: "nodesmtp", address: "LMTP", tls: plain, lmtp: true, forms: pipelining},
		{name: "go-smtp", server: "gosmtp", address: "SMTP", tls: starttls, login: true, forms: all},
		{name: "go-smtp smtps", server: "gosmtp", address: "SMTPS", tls: implicit, login: true, forms: all},
		{name: "go-smtp LMTP", server: "gosmtp", address: "LMTP", tls: plain, lmtp: true, forms: all},
	}
	for i := range list {
		p := &list[i]
		upper := strings.ToUpper(p.server)
		p.address, p.mail, p.folder, p.local = upper+"_"+p.address+"_ADDR", upper+"_MAIL", "%s", named
		if p.server == "dovecot" {
			p.folder, p.local = "%s@rig.test/Maildir", account
		}
	}
	return list
}

// transport returns a transport to the peer for a form.
func (p peer) transport(t *testing.T, r *rig.Rig, form string) *smtp.Transport {
	t.Helper()
	host, port := r.HostPort(t, p.address)
	b := smtp.DangerousPlaintext(host)
	switch {
	case p.lmtp:
		b = smtp.LMTP(host)
	case p.tls == client.TLSStartTLS:
		b = smtp.StartTLSRelay(host).TLSConfig(r.TLS(t))
	case p.tls == client.TLSImplicit:
		b = smtp.Relay(host).TLSConfig(r.TLS(t))
	}
	if p.login {
		b = b.Login(r.Get(t, "RIG_USER"), r.Get(t, "RIG_PASS"))
	}
	b = b.Port(port).Pool(smtp.Pool{MaxOpen: 1})
	switch form {
	case "lockstep":
		b = b.DisableExtensions(extension.Pipelining)
	case "DATA", "bulk DATA":
		b = b.Chunking(client.ChunkingOff)
	case "BDAT":
		b = b.Chunking(client.ChunkingTrusted)
	case "window":
		b = b.Chunking(client.ChunkingTrusted).BulkWindow(20)
	}
	return build(t, b)
}

// build returns a transport that is closed with the test.
func build(t *testing.T, b smtp.Builder) *smtp.Transport {
	t.Helper()
	sender, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sender.Close() })
	return sender
}

// dial returns a connection to the peer that is closed with the test.
func (p peer) dial(t *testing.T, r *rig.Rig, chunking client.Chunking) *client.Conn {
	t.Helper()
	cfg := client.Config{Address: r.Get(t, p.address), TLS: p.tls, LMTP: p.lmtp, Chunking: chunking}
	if p.tls != client.TLSNone {
		cfg.TLSConfig = r.TLS(t)
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
	t.Cleanup(func() { _ = conn.Close() })
	return conn
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
// what is stored with what was sent, octet by octet after the trace fields that the server adds.
func TestEveryForm(t *testing.T) {
	next := 0
	for _, p := range peers() {
		for _, form := range p.forms {
			n := next
			next += 2
			a, b := p.local(n), p.local(n+1)
			t.Run(p.name+" "+form, func(t *testing.T) {
				t.Parallel()
				r := rig.Start(t, p.server, "dovecot") // whose settings name the CA and the account
				sender := p.transport(t, r, form)
				var sent []string
				for i := range 3 {
					sent = append(sent, body(fmt.Sprintf("m%d.%d", n, i), !p.no8bit && i == 2))
				}
				sent[1] += strings.Repeat(".\r\n..x\r\n", 12000) // more than one chunk, dots at its border
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
	conn := p.dial(t, r, client.ChunkingTrusted)
	for _, data := range sent {
		m := mail(t, "alice@rig.test", data, a+"@rig.test", b+"@rig.test")
		tx, err := conn.Begin(t.Context(), m.Envelope(), client.ContentInfo{EightBit: strings.Contains(data, "ü")})
		if err != nil {
			t.Fatal(err)
		}
		for piece := range strings.Lines(data) {
			if _, err := tx.Write([]byte(piece)); err != nil {
				t.Fatal(err)
			}
		}
		if err := tx.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// compare says how what is stored, without the trace fields, differs from what was sent.
func compare(t *testing.T, stored [][]byte, sent []string) {
	t.Helper()
	var got []string
	for _, data := range stored {
		canonical := strings.ReplaceAll(strings.ReplaceAll(string(data), "\r\n", "\n"), "\n", "\r\n") // some Maildirs keep bare LF
		got = append(got, strings.TrimPrefix(canonical, trace.FindString(canonical)))
	}
	slices.Sort(got)
	if diff := cmp.Diff(slices.Sorted(slices.Values(sent)), got); diff != "" {
		t.Errorf("sent and stored differ:\n%.3000s", diff)
	}
}

// trace are the fields that servers add: none of them is in what is sent.
var trace = regexp.MustCompile(`(?i)^(?:(?:return-path|received|delivered-to|x-original-to|envelope-to|delivery-date|x-(?:mail|rcpt)-(?:options|args)):[^\n]*\n(?:[ \t][^\n]*\n)*)*`)

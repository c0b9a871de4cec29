package readers

import (
	"fmt"
	mathrand "math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/depeche-mail/depeche/dkim"
	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/interop/rig"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/policy"
	"github.com/depeche-mail/depeche/transport/smtp"
)

func TestMain(m *testing.M) { os.Exit(rig.Main(m)) }

// TestDelivered: signatures hold after real servers have taken and stored the mail, in both canonicalizations,
// for every verifier. The mail goes out by SendAll, signed by Prepare. It is a few dozen mails for each server and form;
// with DEPECHE_READERS=complete (`make readers`) it is more than 2,000 together.
func TestDelivered(t *testing.T) {
	each := 40
	if os.Getenv("DEPECHE_READERS") == "complete" {
		each = 340
	}
	for _, server := range []struct{ name, address, stored, below string }{
		{"postfix", "POSTFIX_SMTP_ADDR", "POSTFIX_MAIL", ""},
		{"exim", "EXIM_SMTP_ADDR", "EXIM_MAIL", ""},
		{"dovecot", "DOVECOT_LMTP_ADDR", "DOVECOT_MAIL", "@rig.test/Maildir"},
	} {
		for _, form := range []dkim.Canonicalization{dkim.Relaxed, dkim.Simple} {
			t.Run(server.name+" "+form.String(), func(t *testing.T) {
				r := rig.Start(t, server.name)
				signer, records := signing(t, form, form)
				v := newVerifiers(t, records)
				user := fmt.Sprintf("u19%d", form) // Dovecot knows users up to 199
				sender, err := policy.Prepare{Next: relay(t, server.name, r.Get(t, server.address)), Sign: signer}.Build()
				if err != nil {
					t.Fatal(err)
				}
				defer transport.Close(sender)
				to, err := envelope.New(mailbox(t, "", "a@example.org").Address, mailbox(t, "", user+"@rig.test").Address)
				if err != nil {
					t.Fatal(err)
				}
				random := mathrand.New(mathrand.NewPCG(uint64(each), uint64(form)))
				mails := func(yield func(transport.Mail) bool) {
					for range each {
						m, err := randomMessage(random).Build()
						if err != nil {
							t.Error(err)
							return
						}
						if !yield(transport.WithEnvelope(m, to)) {
							return
						}
					}
				}
				for sent, err := range transport.SendAll(t.Context(), sender, mails) {
					if err != nil {
						t.Errorf("%d: %v", sent.Index, err)
					}
				}
				var paths []string
				for i, text := range r.Stored(t, server.stored, user+server.below, each) {
					path := filepath.Join(v.folder, fmt.Sprintf("%03d.eml", i))
					if err := os.WriteFile(path, transport.NormalizeNewlines(text), 0o600); err != nil {
						t.Fatal(err)
					}
					paths = append(paths, path)
				}
				for name, answers := range v.check(t, paths) {
					complain(t, name, paths, answers, true)
				}
				t.Logf("%d messages", len(paths))
			})
		}
	}
}

// relay is a transport to a server of the rig.
func relay(t *testing.T, server, address string) transport.Transport {
	t.Helper()
	host, text, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	b := smtp.DangerousPlaintext(host)
	if server == "dovecot" {
		b = smtp.LMTP(host)
	}
	made, err := b.Port(port).BulkWindow(16).Pool(smtp.Pool{MaxOpen: 2}).Build()
	if err != nil {
		t.Fatal(err)
	}
	return made
}

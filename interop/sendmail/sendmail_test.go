package sendmail_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/interop/rig"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/sendmail"
)

func TestMain(m *testing.M) { os.Exit(rig.Main(m)) }

// command is a real sendmail command and where it delivers.
type command struct {
	name    string
	servers []string
	mail    string // the setting with the folder of what arrived
	make    func(t *testing.T, r *rig.Rig) *sendmail.Transport
	// atOnce says that the command talks to the server itself and knows what became of a recipient.
	atOnce bool
}

// opt is where the scripts have put the packages that would conflict.
func opt() string {
	if dir := os.Getenv("RIG_OPT"); dir != "" {
		return dir
	}
	return "/var/tmp/mail-rig/opt"
}

var commands = []command{
	{"Postfix", []string{"postfix"}, "POSTFIX_MAIL", func(t *testing.T, r *rig.Rig) *sendmail.Transport {
		prefix := filepath.Join(opt(), "postfix")
		return build(t, sendmail.Config{Path: prefix + "/usr/sbin/sendmail", Kind: sendmail.Postfix, Env: []string{
			"MAIL_CONFIG=" + filepath.Join(filepath.Dir(r.Get(t, "POSTFIX_MAIL")), "conf"), "LD_LIBRARY_PATH=" + prefix + "/usr/lib/postfix",
		}})
	}, false},
	{"Exim", []string{"exim"}, "EXIM_MAIL", func(t *testing.T, r *rig.Rig) *sendmail.Transport {
		return build(t, sendmail.Config{
			Path: filepath.Join(opt(), "exim/usr/sbin/exim4"), Kind: sendmail.Exim,
			Args: []string{"-C", filepath.Join(filepath.Dir(r.Get(t, "EXIM_MAIL")), "main.conf")},
		})
	}, false},
	{"msmtp", []string{"postfix"}, "POSTFIX_MAIL", func(t *testing.T, r *rig.Rig) *sendmail.Transport {
		host, port := r.HostPort(t, "POSTFIX_SMTP_ADDR")
		return build(t, sendmail.Config{
			Path: msmtp(t), Kind: sendmail.Msmtp, Args: []string{"--host=" + host, fmt.Sprintf("--port=%d", port), "--tls=off", "--auth=off"},
		})
	}, true},
}

// msmtp installs the package where it is missing.
func msmtp(t *testing.T) string {
	t.Helper()
	rig.Install(t, "msmtp")
	return "/usr/bin/msmtp"
}

func build(t *testing.T, c sendmail.Config) *sendmail.Transport {
	t.Helper()
	tr, err := c.Build()
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

func mail(t *testing.T, from, subject string, to ...string) transport.Mail {
	t.Helper()
	var sender envelope.Address
	var err error
	if from != "" {
		if sender, err = envelope.ParseAddress(from); err != nil {
			t.Fatal(err)
		}
	}
	recipients := make([]envelope.Address, len(to))
	for i := range to {
		if recipients[i], err = envelope.ParseAddress(to[i]); err != nil {
			t.Fatal(err)
		}
	}
	env, err := envelope.New(sender, recipients...)
	if err != nil {
		t.Fatal(err)
	}
	return transport.Raw(env, []byte("From: a@rig.test\r\nTo: someone@rig.test\r\nSubject: "+subject+"\r\n"+
		"Date: Wed, 25 Nov 2026 12:00:00 +0000\r\nMessage-ID: <"+subject+"@rig.test>\r\n\r\n"+text))
}

// text holds what breaks when lines are taken for commands.
const text = "first\r\n.\r\n..\r\n.dot\r\nFrom here\r\nQUIT\r\n\r\nlast\r\n"

func TestDelivery(t *testing.T) {
	for i, c := range commands {
		t.Run(c.name, func(t *testing.T) {
			r := rig.Start(t, c.servers...)
			sender := c.make(t, r)
			one, two := fmt.Sprintf("one%d", i), fmt.Sprintf("two%d", i)
			if c.name == "Exim" {
				two = "-" + two // it could be an option; Postfix refuses such addresses by default
			}
			result, err := sender.Send(t.Context(), mail(t, "a@rig.test", "both", one+"@rig.test", two+"@rig.test"))
			if err != nil || result.Recipients[1].Outcome != transport.Accepted {
				t.Fatalf("%v, %v", result, err)
			}
			if _, err := sender.Send(t.Context(), mail(t, "", "bounce", one+"@rig.test")); err != nil {
				t.Fatal(err)
			}
			for _, stored := range r.Stored(t, c.mail, one, 2) {
				check(t, stored)
			}
			check(t, r.Stored(t, c.mail, two, 1)[0])
		})
	}
}

func check(t *testing.T, stored []byte) {
	t.Helper()
	stored = bytes.ReplaceAll(stored, []byte("\r\n"), []byte("\n"))
	header, body, _ := bytes.Cut(stored, []byte("\n\n"))
	if want := strings.ReplaceAll(text, "\r\n", "\n"); string(body) != want {
		t.Errorf("body %q, want %q", body, want)
	}
	if bounce := bytes.Contains(header, []byte("Subject: bounce")); bounce && bytes.Contains(header, []byte("Return-Path: <a@rig.test>")) {
		t.Errorf("the bounce has a sender:\n%s", header)
	}
	if bytes.Contains(header, []byte("Bcc")) {
		t.Errorf("header:\n%s", header)
	}
}

// TestRefusal: msmtp learns at once that the server refuses a recipient; its exit status says so.
func TestRefusal(t *testing.T) {
	for _, c := range commands {
		if !c.atOnce {
			continue
		}
		r := rig.Start(t, c.servers...)
		sender := c.make(t, r)
		for to, want := range map[string]transport.Outcome{
			"unknown1@rig.test": transport.Rejected,
			"defer1@rig.test":   transport.Deferred,
		} {
			result, err := sender.Send(t.Context(), mail(t, "a@rig.test", "refused", to))
			if err == nil || result.Recipients[0].Outcome != want {
				t.Errorf("%s to %s: %v, %v; want %v", c.name, to, result.Recipients[0].Outcome, err, want)
			}
			if text := strings.Join(result.Recipients[0].Reply.Lines, " "); !strings.Contains(text, "test rule") && !strings.Contains(text, "rig.test") {
				t.Errorf("%s to %s: the server's words are lost: %q", c.name, to, text)
			}
		}
	}
}

// TestNobodyListens: a server that is down is worth another attempt.
func TestNobodyListens(t *testing.T) {
	rig.Start(t) // for the requirements
	sender := sendmail.Command(msmtp(t), "--host=127.0.0.1", "--port=1", "--tls=off", "--auth=off")
	result, err := sender.Send(t.Context(), mail(t, "a@rig.test", "x", "b@rig.test"))
	if err == nil || result.Recipients[0].Outcome != transport.Deferred && result.Recipients[0].Outcome != transport.NotSent {
		t.Errorf("%v, %v", result.Recipients[0].Outcome, err)
	}
}

package forge_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/examples/ports/forge"
	"github.com/depeche-mail/depeche/message"
	"github.com/depeche-mail/depeche/transport/sendmail"
	"github.com/depeche-mail/depeche/transport/smtp"
	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
)

var comment = forge.Comment{Repository: "hei/tea", Issue: 7, Title: "Too hot", Author: "Zoë", Text: "It is.", HTML: "<p>It is.</p>"}

func config() forge.Config {
	return forge.Config{
		From: "Forge <forge@example.org>", EnvelopeFrom: "<>", SubjectPrefix: "", IDDomain: "forge.example.org",
		Headers: map[string]string{"X-Forge": "yes"},
	}
}

func TestThread(t *testing.T) {
	srv := smtptest.NewServer(t)
	c := config()
	c.SMTP = smtp.Config{Host: srv.Host(), Port: srv.Port(), Security: smtp.SecurityStartTLS, User: smtptest.User, Password: smtp.NewSecret(smtptest.Password), DangerousSkipVerify: true}
	m, err := forge.New(c)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	to := message.NewMailbox("Hei", "hei@example.org")
	answer := comment
	answer.ID = 12
	for _, c := range []forge.Comment{comment, answer} {
		if err := m.Notify(t.Context(), c, to, "reply+token@example.org"); err != nil {
			t.Fatal(err)
		}
	}
	got := srv.Messages()
	if len(got) != 2 || got[0].From.Address != "" {
		t.Fatalf("%d mails, from %v", len(got), got[0].From)
	}
	for i, id := range []string{"Message-ID: <hei/tea/issues/7@forge.example.org>", "References: <hei/tea/issues/7@forge.example.org>"} {
		text := string(got[i].Content)
		for _, want := range []string{id, "Subject: [hei/tea] Too hot (#7)", "X-Forge: yes", "Reply-To: reply+token@example.org", "<forge@example.org>"} {
			if !strings.Contains(text, want) {
				t.Errorf("no %q in\n%s", want, text)
			}
		}
	}
}

func TestProtocols(t *testing.T) {
	folder := t.TempDir()
	program := filepath.Join(folder, "sendmail")
	script := "#!/bin/sh\necho \"$@\" > " + folder + "/args\ncat > " + folder + "/mail\n"
	if err := os.WriteFile(program, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	c := config()
	c.Protocol, c.SendmailPath, c.SendmailKind, c.SendmailArgs = "sendmail", program, sendmail.Postfix, []string{"-C", "/etc/forge"}
	m, err := forge.New(c)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Notify(t.Context(), comment, message.NewMailbox("", "hei@example.org")); err != nil {
		t.Fatal(err)
	}
	args, err := os.ReadFile(filepath.Join(folder, "args"))
	if err != nil || !strings.Contains(string(args), "-C /etc/forge") || !strings.Contains(string(args), "hei@example.org") {
		t.Errorf("%s %v", args, err)
	}
	c.Protocol = "dummy"
	if m, err = forge.New(c); err != nil {
		t.Fatal(err)
	}
	if err := m.Notify(t.Context(), comment, message.NewMailbox("", "hei@example.org")); err != nil {
		t.Error(err)
	}
	c.Protocol = "pigeon"
	if _, err = forge.New(c); err == nil || !strings.Contains(err.Error(), "pigeon") {
		t.Error(err)
	}
}

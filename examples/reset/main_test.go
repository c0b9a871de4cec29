package main

import (
	"strings"
	"testing"

	"github.com/depeche-mail/depeche"
	"github.com/depeche-mail/depeche/mailtest"
	"github.com/depeche-mail/depeche/message/templates"
	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
	"github.com/google/go-cmp/cmp"
)

func TestReset(t *testing.T) {
	server := smtptest.NewUnstartedServer(t)
	server.Config.Security, server.Config.Mechanisms = smtptest.Plaintext, map[string]smtptest.Mechanism{}
	server.Start()
	server.Use(smtptest.RefuseRecipients(map[string]string{"gone@example.org": "550 5.1.1 no such user"}))
	relay, err := depeche.Open("smtp://" + server.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer relay.Close()
	mails, err := templates.Load(files, templates.Options{})
	if err != nil {
		t.Fatal(err)
	}
	const token = "TOP+SECRET"
	if err := send(relay, mails, "Zoë <b>", "zoe@example.org", token); err != nil {
		t.Fatal(err)
	}
	arrived := server.Messages()
	if len(arrived) != 1 {
		t.Fatalf("%d mails arrived", len(arrived))
	}
	const link = "https://portal.example.com/reset?token=TOP%2bSECRET"
	mail := mailtest.Parse(arrived[0].Content)
	for name, text := range map[string]string{"subject": mail.Subject(), "text": mail.Text, "HTML": mail.HTML} {
		want := map[string]string{"subject": "Choose a new password", "text": "Dear Zoë <b>,", "HTML": "Dear Zoë &lt;b&gt;,"}[name]
		if !strings.Contains(text, want) || name == "text" && !strings.Contains(text, link) {
			t.Errorf("%s: no %q in %q", name, want, text)
		}
	}
	if diff := cmp.Diff([]string{link}, mail.Links()); diff != "" {
		t.Error(diff)
	}
	for name, address := range map[string]string{"refused by the relay": "gone@example.org", "no address": "zoe\r\nBcc: all@example.org"} {
		err := send(relay, mails, "Zoë", address, token)
		if err == nil || strings.Contains(err.Error(), "SECRET") || len(server.Messages()) != 1 {
			t.Errorf("%s: %v, %d mails", name, err, len(server.Messages()))
		}
	}
}

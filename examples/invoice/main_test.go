package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/mailtest"
	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
	"github.com/google/go-cmp/cmp"
)

func TestInvoice(t *testing.T) {
	server := smtptest.NewUnstartedServer(t)
	server.Config.Security, server.Config.Mechanisms = smtptest.Plaintext, map[string]smtptest.Mechanism{}
	server.Start()
	relay := "smtp://" + server.Addr()
	pdf := filepath.Join(t.TempDir(), "2027-0007.pdf")
	content := []byte("%PDF-1.7\nan invoice\n")
	if err := os.WriteFile(pdf, content, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := send(relay, "Zoë", "zoe@example.org", pdf); err != nil {
		t.Fatal(err)
	}
	arrived := server.Messages()
	if len(arrived) != 1 {
		t.Fatalf("%d mails arrived", len(arrived))
	}
	mail := mailtest.Parse(arrived[0].Content)
	want := []mailtest.Part{{Name: "2027-0007.pdf", Type: "application/pdf", Data: content}}
	if diff := cmp.Diff(want, mail.Attachments); diff != "" || mail.Subject() != "Your invoice" || !strings.Contains(mail.Text, "Dear Zoë,") {
		t.Errorf("%s\n%s", diff, arrived[0].Content)
	}

	server.Use(smtptest.RefuseRecipients(map[string]string{"gone@example.org": "550 5.1.1 no such user"}))
	for name, c := range map[string]struct{ address, pdf string }{
		"a file that is not there": {"zoe@example.org", pdf + ".old"},
		"no address":               {"zoe", pdf},
		"refused by the relay":     {"gone@example.org", pdf},
	} {
		if err := send(relay, "Zoë", c.address, c.pdf); err == nil || len(server.Messages()) != 1 {
			t.Errorf("%s: %v, %d mails", name, err, len(server.Messages()))
		}
	}
}

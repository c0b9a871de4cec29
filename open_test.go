package depeche_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche"
	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/message"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/file"
	"github.com/depeche-mail/depeche/transport/sendmail"
	"github.com/depeche-mail/depeche/transport/smtp"
	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
	"github.com/depeche-mail/depeche/transport/stub"
)

// TestNoTransportBesideAnError: a nil pointer in an interface would pass for a transport.
func TestNoTransportBesideAnError(t *testing.T) {
	for _, text := range []string{"smtps://host.example?tls_roots=/none/such", "file:/dev/null/x", "maildir:/dev/null/x", "mbox:/dev/null/x/y", "failover(smtps://host.example?tls_roots=/none/such)"} {
		if tr, err := depeche.Open(text); err == nil || tr != nil {
			t.Errorf("%s: %v, %v", text, tr, err)
		}
	}
}

func TestOpen(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "out box")
	is := map[string]func(transport.Transport) bool{
		"stub":     func(t transport.Transport) bool { _, ok := t.(*stub.Transport); return ok },
		"file":     func(t transport.Transport) bool { _, ok := t.(*file.Transport); return ok },
		"sendmail": func(t transport.Transport) bool { _, ok := t.(*sendmail.Transport); return ok },
		"smtp":     func(t transport.Transport) bool { _, ok := t.(*smtp.Transport); return ok },
	}
	for _, tc := range []struct{ url, kind string }{
		{"stub:", "stub"},
		{"sendmail:/usr/bin/none", "sendmail"},
		{"file:" + strings.ReplaceAll(folder, " ", "%20"), "file"},
		{"file://" + strings.ReplaceAll(folder, " ", "%20"), "file"},
		{"smtps://user:hunter2@example.org", "smtp"},
		{"smtp+starttls://user:hunter2@example.org", "smtp"},
		{"maildir:" + strings.ReplaceAll(folder, " ", "%20") + "2", "file"},
		{"mbox:" + strings.ReplaceAll(folder, " ", "%20") + "3", "file"},
		{"smtp://example.org", "smtp"},
		{"lmtp+unix:///run/lmtp", "smtp"},
	} {
		got, err := depeche.Open(tc.url)
		if err != nil || !is[tc.kind](got.Unwrap()) {
			t.Errorf("%s: %T, %v", tc.url, got, err)
			continue
		}
		if err := transport.Shutdown(t.Context(), got); err != nil {
			t.Error(err)
		}
	}
	if info, err := os.Stat(folder); err != nil || !info.IsDir() {
		t.Errorf("the folder of the file transport: %v", err)
	}
}

func TestOpenRefuses(t *testing.T) {
	for _, url := range []string{
		"", "example.org", "stub:x", "file:", "file:%zz", "file:a?b=c", "file://host/folder", "sendmail:x#y", "gopher://user:hunter2@example.org", "smtps://user:hunter2@",
		"smtps://user:hunter2@example.org?colour=blue", "smtps://user:hunter2%zz@example.org",
	} {
		got, err := depeche.Open(url)
		if _, ok := errors.AsType[*envelope.FieldError](err); !ok {
			t.Errorf("%q: %v, %v", url, got, err)
			continue
		}
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the error shows the password: %v", err)
		}
	}
}

// TestSend compares what the server got with what was composed.
func TestSend(t *testing.T) {
	mail, err := message.New().From("a@example.org").To("b@example.org").Subject("x").Text("Be happy!\n").Build()
	if err != nil {
		t.Fatal(err)
	}
	srv := smtptest.NewUnstartedServer(t)
	srv.Config.Security = smtptest.Plaintext
	srv.Config.Mechanisms = map[string]smtptest.Mechanism{}
	srv.Start()
	result, err := depeche.Send(t.Context(), "smtp://"+srv.Addr(), mail)
	if err != nil || !result.AllAccepted() {
		t.Fatalf("%v, %v", result, err)
	}
	var want strings.Builder
	if _, err := mail.WriteTo(&want); err != nil {
		t.Fatal(err)
	}
	if received := srv.Messages(); len(received) != 1 || string(received[0].Content) != want.String() {
		t.Errorf("the server has %v", received)
	}
	if result, err := depeche.Send(t.Context(), "gopher://example.org", mail); err == nil || result != nil {
		t.Errorf("an unusable URL: %v, %v", result, err)
	}
}

package login_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/depeche-mail/depeche/examples/ports/login"
	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
)

var folder = fstest.MapFS{
	"reset.subject": {Data: []byte("{{prefix}}Reset your password")},
	"reset.html":    {Data: []byte(`<p>Dear {{.Name}}, <a href="{{.Link}}">choose a new password</a>.</p>`)},
}

func server(t *testing.T) (srv *smtptest.Server, relay string) {
	t.Helper()
	srv = smtptest.NewServer(t)
	return srv, fmt.Sprintf("smtp+starttls://%s:%s@%s?dangerous_skip_verify=true&hello=portal.example.org&timeout=5s", url.QueryEscape(smtptest.User), url.PathEscape(smtptest.Password), srv.Addr())
}

func TestReset(t *testing.T) {
	srv, relay := server(t)
	m, err := login.New(t.Context(), login.Config{URL: relay, Sender: "Portal <portal@example.org>", SubjectPrefix: "[Portal] ", IDDomain: "portal.example.org"}, folder)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	data := map[string]string{"Name": "Zoë", "Link": "https://portal.example.org/reset?token=secret"}
	if err := m.Send(t.Context(), "reset", login.Person{Name: "Zoë", Address: "zoe@example.org"}, data); err != nil {
		t.Fatal(err)
	}
	got := srv.Messages()
	if len(got) != 1 {
		t.Fatalf("%d mails", len(got))
	}
	for _, want := range []string{"Subject: [Portal] Reset your password", "@portal.example.org>", "Auto-Submitted: auto-generated"} {
		if !strings.Contains(string(got[0].Content), want) {
			t.Errorf("no %q in\n%s", want, got[0].Content)
		}
	}
	err = m.Send(t.Context(), "reset", login.Person{Address: "x\r\nBcc: y@example.org"}, data)
	if err == nil || strings.Contains(err.Error(), "token=secret") || len(srv.Messages()) != 1 {
		t.Error(err)
	}
}

// TestStart: a portal whose relay refuses the login says so when it starts, unless it is told not to look.
func TestStart(t *testing.T) {
	_, relay := server(t)
	bad := login.Config{URL: strings.Replace(relay, url.PathEscape(smtptest.Password), "wrong-password", 1), Sender: "portal@example.org", Patience: 5 * time.Second}
	_, err := login.New(t.Context(), bad, folder)
	if err == nil || strings.Contains(err.Error(), "wrong-password") {
		t.Error(err)
	}
	bad.SkipCheck = true
	m, err := login.New(t.Context(), bad, folder)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Close(); err != nil {
		t.Error(err)
	}
}

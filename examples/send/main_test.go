package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
)

// TestStatus runs the command against a server in each mood and looks at its exit status.
func TestStatus(t *testing.T) {
	folder := t.TempDir()
	eml := filepath.Join(folder, "finished.eml")
	if err := os.WriteFile(eml, []byte("Subject: as it is\r\n\r\n.dot\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	bare := filepath.Join(folder, "bare.eml")
	if err := os.WriteFile(bare, []byte("Subject: x\n\nbare newlines\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	usual := []string{"-from", "a@example.org", "-to", "b@example.org"}
	cases := map[string]struct {
		arguments []string
		hook      smtptest.Hook
		want      int
		says      string
	}{
		"accepted":            {usual, nil, 0, "b@example.org\taccepted"},
		"a finished message":  {append(usual, "-eml", eml), nil, 0, "accepted"},
		"refused for good":    {usual, smtptest.On(smtptest.Rcpt, smtptest.Reply("550 5.1.1 no")), 69, "rejected"},
		"refused for now":     {usual, smtptest.On(smtptest.Rcpt, smtptest.Reply("450 4.2.1 later")), 75, "deferred"},
		"not sent":            {usual, smtptest.On(smtptest.Mail, smtptest.Close()), 75, "not sent"},
		"verdict lost":        {usual, smtptest.On(smtptest.End, smtptest.Accept().Then(smtptest.Close())), 70, "unknown"},
		"no author":           {[]string{"-to", "b@example.org"}, nil, 65, "From"},
		"no such attachment":  {append(usual, "-attach", filepath.Join(folder, "none")), nil, 65, "Attach"},
		"bare newlines":       {append(usual, "-eml", bare), nil, 65, "canonical"},
		"injection":           {append(usual, "-header", "X-A\r\nBcc: c@example.org: x"), nil, 65, "Header"},
		"half a header":       {append(usual, "-header", "X-A"), nil, 65, "-header"},
		"half an inline part": {append(usual, "-inline", "x", "-html", "x"), nil, 65, "-inline"},
		"unknown flag":        {[]string{"-frm", "a@example.org"}, nil, 64, "frm"},
		"an argument":         {append(usual, "c@example.org"), nil, 64, "c@example.org"},
		"password in -url":    {append(usual, "-url", "smtps://u:topsecret@host"), nil, 64, "MAIL_PASSWORD_FILE"},
		"unusable -url":       {append(usual, "-url", "gopher://host"), nil, 64, "scheme"},
		"help":                {[]string{"-h"}, nil, 0, "-subject"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			srv := smtptest.NewUnstartedServer(t)
			srv.Config.Security = smtptest.Plaintext
			srv.Config.Mechanisms = map[string]smtptest.Mechanism{}
			if tc.hook != nil {
				srv.Config.Hooks = []smtptest.Hook{tc.hook}
			}
			srv.Start()
			var out bytes.Buffer
			getenv := func(name string) string {
				return map[string]string{"MAIL_URL": "smtp://" + srv.Addr()}[name]
			}
			got := run(t.Context(), tc.arguments, environment{getenv, strings.NewReader("from stdin\n"), &out, &out})
			if got != tc.want || !strings.Contains(out.String(), tc.says) {
				t.Errorf("status %d, want %d, saying %q:\n%s", got, tc.want, tc.says, out.String())
			}
			if strings.Contains(out.String(), "topsecret") {
				t.Error("the output shows the password")
			}
		})
	}
}

// TestEverything sends one message with every flag and a password from a file.
func TestEverything(t *testing.T) {
	srv := smtptest.NewUnstartedServer(t)
	srv.Config.Security = smtptest.Plaintext
	srv.Config.Mechanisms = map[string]smtptest.Mechanism{}
	srv.Start()
	folder := t.TempDir()
	png := filepath.Join(folder, "logo.png")
	if err := os.WriteFile(png, []byte("\x89PNG\r\n\x1a\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	got := run(t.Context(), []string{
		"-url", "smtp://" + srv.Addr(), "-from", "A <a@example.org>", "-to", "b@example.org", "-to", "c@example.org", "-cc", "d@example.org",
		"-bcc", "hidden@example.org", "-subject", "x", "-text", "t", "-html", `<img src="cid:logo">`, "-inline", "logo=" + png, "-attach", png, "-header", "X-Campaign: spring",
	}, environment{func(string) string { return "" }, strings.NewReader(""), &out, &out})
	if got != exitOK {
		t.Fatal(out.String())
	}
	m := srv.Messages()[0]
	if n := len(m.Addresses()); n != 4 {
		t.Errorf("%d recipients", n)
	}
	for _, want := range []string{"X-Campaign: spring\r\n", "Content-ID: <logo>", "Cc: d@example.org\r\n", "filename=logo.png"} {
		if !bytes.Contains(m.Content, []byte(want)) && !bytes.Contains(m.Content, []byte(strings.ReplaceAll(want, "logo.png", `"logo.png"`))) {
			t.Errorf("no %q in\n%s", want, m.Content)
		}
	}
	if bytes.Contains(m.Content, []byte("hidden@example.org")) {
		t.Error("the Bcc recipient is visible")
	}
}

func TestPasswordFile(t *testing.T) {
	for _, tc := range []struct{ url, file, want, fault string }{
		{"smtps://u@host", "/x", "smtps://u@host?password_file=%2Fx", ""},
		{"smtps://u:p@host", "", "smtps://u:p@host", ""},
		{"smtps://u:topsecret@host", "/x", "", "lacks a password"},
		{"smtps://host", "/x", "", "lacks a password"},
		{"smtps://u:topsecret@host?x=y", "", "", "unknown key"},
		{"", "", "", "no relay"},
	} {
		getenv := func(key string) string {
			return map[string]string{"MAIL_URL": tc.url, "MAIL_PASSWORD_FILE": tc.file}[key]
		}
		got, err := (&options{}).relay(getenv)
		if err == nil && got.Reveal() != tc.want || (err == nil) != (tc.fault == "") || err != nil && !strings.Contains(err.Error(), tc.fault) {
			t.Errorf("%+v: %q, %v", tc, got.Reveal(), err)
		}
		if err != nil && strings.Contains(err.Error(), "topsecret") {
			t.Errorf("the error shows the password: %v", err)
		}
	}
}

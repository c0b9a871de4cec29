package main

import (
	"bytes"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
)

func TestDoctor(t *testing.T) {
	srv := smtptest.NewUnstartedServer(t)
	srv.Config.CertificateNames = []string{"127.0.0.1"}
	srv.StartImplicitTLS()
	folder := t.TempDir()
	write := func(name string, text []byte) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	roots := write("roots.pem", srv.AuthorityPEM())
	secret := write("secret", []byte(smtptest.Password+"\n"))
	wrong := write("wrong", []byte("topsecret\n"))
	relay := "smtps://" + url.QueryEscape(smtptest.User) + "@" + srv.Addr() + "?hello=client.example&tls_roots=" + roots
	for name, tc := range map[string]struct {
		arguments []string
		mailURL   string
		file      string
		want      int
		says      []string
	}{
		"healthy":          {mailURL: relay, file: secret, want: exitOK, says: []string{"result       ready", "user@example.org is accepted", "TLS 1.3", "certificate expires"}},
		"a wrong password": {mailURL: relay, file: wrong, want: exitSick, says: []string{"hint         login refused", "535"}},
		"an unknown authority": {
			arguments: []string{"smtps://" + srv.Addr()}, want: exitSick, says: []string{"hint         TLS: add the authority", "for 127.0.0.1"},
		},
		"a password in an argument": {arguments: []string{"smtps://u:topsecret@host"}, want: exitUsage, says: []string{"every user of the machine"}},
		"nothing configured":        {want: exitUsage, says: []string{"MAIL_URL"}},
		"nothing to check":          {mailURL: "stub:", want: exitUsage, says: []string{"no relay"}},
		"an unusable URL":           {mailURL: "smtps://u:topsecret@host?x=y", want: exitUsage, says: []string{`"x": unknown key`}},
		"neither URL nor address":   {arguments: []string{"example"}, want: exitUsage, says: []string{"Address"}},
		"two of them":               {arguments: []string{"a", "b"}, want: exitUsage, says: []string{"one"}},
		"an unknown flag":           {arguments: []string{"-x"}, want: exitUsage, says: []string{"-x"}},
		"help":                      {arguments: []string{"-h"}, want: exitOK, says: []string{"-timeout"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("MAIL_URL", tc.mailURL)
			t.Setenv("MAIL_PASSWORD_FILE", tc.file)
			var out bytes.Buffer
			if got := run(t.Context(), tc.arguments, &out, &out); got != tc.want {
				t.Errorf("status %d, want %d", got, tc.want)
			}
			for _, text := range tc.says {
				if !strings.Contains(out.String(), text) {
					t.Errorf("does not say %q:\n%s", text, &out)
				}
			}
			if strings.Contains(out.String(), "topsecret") || strings.Contains(out.String(), smtptest.Password) {
				t.Errorf("shows the password:\n%s", &out)
			}
		})
	}
	if n := len(srv.Messages()); n != 0 {
		t.Errorf("sent %d messages", n)
	}
}

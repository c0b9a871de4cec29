package smtp_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/transport/smtp"
	"github.com/depeche-mail/depeche/transport/smtp/client"
	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
)

// TestURLRoundTrip: what is printed reads as the same URL, and prints the same again.
func TestURLRoundTrip(t *testing.T) {
	for text, want := range map[string]struct{ revealed, shown string }{
		"smtps://mail.example.org":                              {},
		"SMTPS://mail.example.org/":                             {revealed: "smtps://mail.example.org"},
		"smtp+starttls://mail.example.org:2525":                 {},
		"smtp://[::1]":                                          {},
		"smtp://[2001:db8::1]:2525?pool=2":                      {},
		"lmtp://127.0.0.1:24":                                   {},
		"lmtp+unix:///run/a%20b/lmtp%3F.sock?pool=1":            {},
		"smtps://user@host":                                     {},
		"smtps://user:hunter2@host":                             {shown: "smtps://user:***@host"},
		"smtps://a%40b.org:p%3Aa%2Fs%3Fs%23%40%25%20w@host:465": {shown: "smtps://a%40b.org:***@host:465"},
		"smtps://user:hunter@2@host":                            {revealed: "smtps://user:hunter%402@host", shown: "smtps://user:***@host"},
		"smtps://user:p(a)s%20s@host":                           {revealed: "smtps://user:p%28a%29s%20s@host", shown: "smtps://user:***@host"},
		"smtps://host?timeout=30s&hello=my.host.tld&pool=4":     {revealed: "smtps://host?hello=my.host.tld&pool=4&timeout=30s"},
		"smtps://user@host?password_file=/run/secrets/mail":     {revealed: "smtps://user@host?password_file=%2Frun%2Fsecrets%2Fmail"},
	} {
		t.Run(text, func(t *testing.T) {
			if want.revealed == "" {
				want.revealed = text
			}
			if want.shown == "" {
				want.shown = want.revealed
			}
			u, err := smtp.ParseURL(text)
			if err != nil {
				t.Fatal(err)
			}
			if got := u.Reveal(); got != want.revealed {
				t.Errorf("Reveal %s, want %s", got, want.revealed)
			}
			if got := u.String(); got != want.shown {
				t.Errorf("String %s, want %s", got, want.shown)
			}
			again, err := smtp.ParseURL(u.Reveal())
			if err != nil || again.Reveal() != u.Reveal() {
				t.Errorf("read again: %s, %v", again.Reveal(), err)
			}
		})
	}
}

// TestURLFaults: each text has one fault, found in the end by Build, and no error shows the secret.
func TestURLFaults(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "none")
	for text, value := range map[string]string{
		"":                                                     "",
		"mail.example.org":                                     "",
		"gopher://user:hunter2@host":                           "gopher",
		"smtps:user:hunter2@host":                              "",
		"smtps://user:hunter2@":                                "",
		"smtps://user@host":                                    "user", // half a credential
		"smtps://user:@host":                                   "user",
		"smtps://:hunter2@host":                                "",
		"smtps://@host":                                        "",
		"smtps://user:hun%zzter2@host":                         "",
		"smtps://user:hun/ter2@host":                           "",
		"smtps://user:12/hunter2@host":                         "", // 12 looks like a port, the rest like a path
		"smtps://user:12?hunter2@host":                         "",
		"smtps://user:hunter2@host:99999":                      "99999",
		"smtps://user:12#hunter2@host":                         "",
		"smtps://host/mail":                                    "",
		"smtps://host#x":                                       "",
		"smtps://host:0":                                       "",
		"smtps://host:99999":                                   "",
		"smtps://host:port":                                    "",
		"smtps://ho_st..org":                                   "ho_st..org",
		"smtps://[::1":                                         "",
		"smtps://[mail.example.org]":                           "",
		"smtps://host?colour=blue":                             "colour",
		"smtps://host?Pool=4":                                  "Pool",
		"smtps://host?dangerous_skip_verify=yes":               "dangerous_skip_verify",
		"smtps://host?dangerous_opportunistic_tls=true":        "dangerous_opportunistic_tls",
		"smtps://host?dangerous_tls_min=1.2":                   "dangerous_tls_min",
		"smtps://host?tls_trusted_key=00":                      "tls_trusted_key",
		"smtps://host?tls_key=/x":                              "tls_key",
		"smtps://host?local_addr=host.example":                 "local_addr",
		"smtps://host?chunking=proven":                         "chunking",
		"smtps://host?disable_extensions=":                     "disable_extensions",
		"smtps://host?rate=100/1m":                             "rate",
		"smtp://host?dangerous_skip_verify=true":               "dangerous_skip_verify",
		"lmtp://host?tls_trusted_key=" + client.Pin{}.String(): "tls_trusted_key",
		"smtp+unix://host/socket":                              "",
		"smtp+unix:":                                           "",
		"service:":                                             "",
		"service:hunter2":                                      "",
		"service://gmail":                                      "gmail",
		"service://user@gmail":                                 "user",
		"service://jane:hunter2@sendgrid":                      "sendgrid",
		"service:user:hunter2@gmail":                           "",
		"smtps://host?pool=4&pool=4":                           "pool",
		"smtps://host?pool=4;hello=x":                          "",
		"smtps://host?pool=%zz":                                "",
		"smtps://host?pool":                                    "pool",
		"smtps://host?pool=0":                                  "pool",
		"smtps://host?pool=-1":                                 "pool",
		"smtps://host?max_idle=x":                              "max_idle",
		"smtps://host?max_messages=1e3":                        "max_messages",
		"smtps://host?hello=a%20b":                             "hello",
		"smtps://host?hello=a%0d%0aQUIT":                       "hello",
		"smtps://host?timeout=30":                              "timeout",
		"smtps://host?timeout=-30s":                            "timeout",
		"smtps://host?idle_timeout=0s":                         "idle_timeout",
		"smtps://host?max_age=soon":                            "max_age",
		"smtps://host?tls_min=1.1":                             "tls_min",
		"smtps://host?tls_pin=00":                              "tls_pin",
		"smtps://host?tls_name":                                "tls_name",
		"smtps://host?tls_roots=" + missing:                    "tls_roots",
		"smtp://host?tls_min=1.3":                              "tls_min",
		"lmtp+unix://host/socket":                              "",
		"lmtp+unix://user:hunter2@host/socket":                 "",
		"lmtp+unix:/":                                          "no fault",
		"lmtp+unix:":                                           "",
		"smtps://user@host?password_file=" + missing:           "password_file",
		"smtps://user@host?token_file=" + missing:              "token_file",
		"smtps://user@host?token_file=" + missing + "&password_file=" + missing: "token_file",
		"smtps://user:hunter2@host?auth=PLAIN,NTLM":                             "auth",
		"smtps://user:hunter2@host?auth=":                                       "auth",
		"smtps://host?auth=PLAIN":                                               "auth",
		"smtps://host?password_file=/x":                                         "",
		"smtps://user:hunter2@host?password_file=" + missing:                    "password_file",
	} {
		t.Run(text, func(t *testing.T) {
			_, err := smtp.FromURL(text).Build()
			if value == "no fault" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			field, ok := errors.AsType[*smtp.FieldError](err)
			if !ok || field.Value != value {
				t.Errorf("%#v: %v, want a fault of %q", field, err, value)
			}
			if strings.Contains(fmt.Sprint(err), "hunter2") || strings.Contains(fmt.Sprint(err), "ter2") {
				t.Errorf("the error shows the password: %v", err)
			}
		})
	}
}

// TestURLWithoutHost: where the @ and the host are missing, the password stands where the port and the keys are. None of it
// is quoted.
func TestURLWithoutHost(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "none")
	for _, scheme := range []string{"smtps", "smtp", "smtp+starttls", "lmtp", "lmtp+unix", "ftp", ""} {
		for _, secret := range []string{
			"hunter2", "12345678", "99999", "0", "25?hunter2", "25?hunter2=x", "25?timeout=hunter2", "25?pool=hunter2&pool=1",
			"25?password_file=" + missing + "&hunter2", "25/hunter2", "25#hunter2", "25?hunter2&x@", "hunter2?", "%68unter2", "25?%zzhunter2", "-25",
			"25?auth=hunter2", "25?hello=hunter2..x", "25?tls_min=hunter2",
		} {
			for _, begin := range []string{scheme + "://jane:", scheme + "://jane@example.org:", scheme + ":jane:", scheme + "://jane%40example.org:"} {
				_, err := smtp.FromURL(begin + secret).Build()
				if err == nil {
					t.Errorf("%s%s is a URL", begin, secret)
					continue
				}
				text := strings.ReplaceAll(err.Error(), "65535", "")
				for _, part := range []string{"hunter2", "12345678", "99999", "-25", "\"0\""} {
					if strings.Contains(text, part) {
						t.Errorf("%s%s: the error shows the password: %v", begin, secret, err)
					}
				}
			}
		}
	}
}

// TestURLDoesNotPrint: no way to print a URL, or a struct with one, shows its password.
func TestURLDoesNotPrint(t *testing.T) {
	u, err := smtp.ParseURL("smtps://user:hunter2@host")
	if err != nil {
		t.Fatal(err)
	}
	holder := struct{ u smtp.URL }{u}
	var text bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		_, _ = fmt.Fprintf(&text, verb+verb+verb+"\n", u, &u, holder)
	}
	if err := json.NewEncoder(&text).Encode([]any{u, &u}); err != nil {
		t.Fatal(err)
	}
	slog.New(slog.NewJSONHandler(&text, nil)).Info("x", "u", u, "p", &u)
	slog.New(slog.NewTextHandler(&text, nil)).Info("x", "u", u, "p", &u)
	for _, secret := range []string{"hunter2", "68756e74657232"} {
		if strings.Contains(text.String(), secret) {
			t.Errorf("shows the password:\n%s", &text)
		}
	}
}

// TestURLKeys sends over a relay whose URL says everything.
func TestURLKeys(t *testing.T) {
	srv, _ := secure(t, nil)
	folder := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	certificates := chain(t, srv)
	roots := write("roots.pem", string(encode(certificates[1])))
	password := write("password", smtptest.Password+"\r\n")
	keys := "hello=client.example&pool=1&max_idle=1&max_messages=1&idle_timeout=1m&max_age=1h&timeout=5s" +
		"&auth=LOGIN&tls_min=1.3&tls_name=localhost&tls_roots=" + roots + "&password_file=" + password +
		"&tls_pin=" + strings.ReplaceAll(client.PinOf(certificates[0]).String(), "+", "%2B")
	sender := build(t, smtp.FromURL("smtps://"+strings.ReplaceAll(smtptest.User, "@", "%40")+"@"+srv.Addr()+"?"+keys))
	for range 2 {
		if _, err := sender.Send(t.Context(), mail(t, "b@example.org")); err != nil {
			t.Fatal(err)
		}
	}
	write("password", "another") // the file is read for each login
	if _, err := sender.Send(t.Context(), mail(t, "b@example.org")); err == nil {
		t.Error("the new password was not used")
	}
	sessions, err := srv.WaitIdle(t.Context(), 4)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range sessions[1:3] { // the first was that of chain, the last that of the new password
		if !slices.ContainsFunc(s.Commands, func(c string) bool { return strings.HasPrefix(c, "AUTH LOGIN") }) {
			t.Errorf("another mechanism: %v", s.Commands)
		}
		if s.User != smtptest.User || s.Hello != "client.example" || s.Count("MAIL") != 1 {
			t.Errorf("%s, %s, %v", s.User, s.Hello, s.Commands)
		}
	}
}

// TestURLSchemes: each scheme reaches the server that speaks it.
func TestURLSchemes(t *testing.T) {
	for scheme, config := range map[string]smtptest.Config{
		"smtp":          {Security: smtptest.Plaintext},
		"smtp+starttls": {Security: smtptest.STARTTLS},
		"smtps":         {Security: smtptest.ImplicitTLS},
		"smtp+unix":     {Security: smtptest.Plaintext, Network: "unix"},
		"lmtp":          {Security: smtptest.Plaintext, Protocol: smtptest.LMTP},
		"lmtps":         {Security: smtptest.ImplicitTLS, Protocol: smtptest.LMTP},
		"lmtp+starttls": {Security: smtptest.STARTTLS, Protocol: smtptest.LMTP},
		"lmtp+unix":     {Security: smtptest.Plaintext, Protocol: smtptest.LMTP, Network: "unix"},
	} {
		t.Run(scheme, func(t *testing.T) {
			srv := smtptest.NewUnstartedServer(t)
			srv.Config = config
			srv.Start()
			if !strings.HasPrefix(srv.URL(), scheme+"://") {
				t.Fatal(srv.URL())
			}
			b := smtp.FromURL(srv.URL())
			if config.Security != smtptest.Plaintext {
				b = b.TLSConfig(srv.ClientTLS())
			}
			wantSent(t, b)
		})
	}
}

// FuzzURL: what can be read prints as the same URL again, and never with its password.
func FuzzURL(f *testing.F) {
	for _, seed := range []string{
		"smtps://user:p%40ss@host:465?hello=my.host.tld&pool=4&timeout=30s", "lmtp+unix:///run/x%3F?pool=1",
		"smtp://[::1%25eth0]:25", "smtps://%00:%ff@h", "smtps://u:p@h?password_file=%2B", "smtp:x", "smtps://h?=&",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		u, err := smtp.ParseURL(text)
		if err != nil {
			return
		}
		again, err := smtp.ParseURL(u.Reveal())
		if err != nil || again.Reveal() != u.Reveal() || again.String() != u.String() {
			t.Errorf("%q is read as %q, that as %q: %v", text, u.Reveal(), again.Reveal(), err)
		}
		shown, err := smtp.ParseURL(u.String())
		if err != nil || u.HasPassword() != shown.HasPassword() || u.HasPassword() && !strings.Contains(u.String(), ":***@") {
			t.Errorf("%q prints as %q: %v", text, u.String(), err)
		}
		u.Builder() // Build would read the files that chance names
	})
}

// TestURLToken logs in with an access token that a file holds.
func TestURLToken(t *testing.T) {
	srv, _ := secure(t, func(c *smtptest.Config) {
		c.Users = map[string]string{"user": "ya29.token"}
		c.Mechanisms = map[string]smtptest.Mechanism{"OAUTHBEARER": smtptest.OAuthBearer}
	})
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("ya29.token\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	wantSent(t, smtp.FromURL("smtps://user@"+srv.Addr()+"?token_file="+token).TLSConfig(srv.ClientTLS()))
}

package depeche_test

import (
	"bytes"
	stdcmp "cmp"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche"
	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
	"github.com/google/go-cmp/cmp"
)

// TestURLRoundTrip: what is printed reads as the same URL.
func TestURLRoundTrip(t *testing.T) {
	for text, want := range map[string]struct{ revealed, shown string }{
		"stub:":                       {},
		"sendmail:":                   {},
		"sendmail:/usr/bin/msmtp":     {revealed: "sendmail:///usr/bin/msmtp"},
		"file:out/box":                {},
		"file:/var/outbox":            {revealed: "file:///var/outbox"},
		"file:///var/out%20box%3F%23": {},
		"file:////odd":                {},
		"maildir:///var/mail/x":       {},
		"mbox:sent":                   {},
		"file:a%25zz":                 {},
		"smtps://user:p%40ss@[::1]:2465?hello=client.example": {shown: "smtps://user:***@[::1]:2465?hello=client.example"},
		"lmtp+unix:///run/lmtp":                               {},
		"smtp+unix:///run/smtp?pool=2":                        {},
		"discard:":                                            {},
		"log:":                                                {},
		"log:?subject=true&addresses=false":                   {revealed: "log:?addresses=false&subject=true"},
		"service:gmail":                                       {revealed: "service://gmail"},
		"service:sendgrid?password_file=/x":                   {revealed: "service://apikey@sendgrid?password_file=%2Fx"},
		"service://u:p%40ss@gmail":                            {shown: "service://u:***@gmail"},
		"smtps://host?rate=10/1s":                             {revealed: "smtps://host?rate=10%2F1s"},
		"sendmail:?args=-a work":                              {revealed: "sendmail:?args=-a+work"},
		"sendmail:///usr/bin/msmtp?args=--account%3Dmy+work+%22a+b%22&kind=msmtp": {},
	} {
		roundTrip(t, text, want.revealed, want.shown)
	}
}

// roundTrip checks that a URL prints as revealed, by default the text itself, with *** for passwords as
// shown, by default the same, and that what it prints reads as the same URL.
func roundTrip(t *testing.T, text, revealed, shown string) depeche.URL {
	t.Helper()
	revealed = stdcmp.Or(revealed, text)
	shown = stdcmp.Or(shown, revealed)
	u, err := depeche.ParseURL(text)
	if err != nil || u.Reveal() != revealed || u.String() != shown {
		t.Errorf("%s: %s, %s, %v, want %s, %s", text, u.Reveal(), u, err, revealed, shown)
		return u
	}
	if again, err := depeche.ParseURL(u.Reveal()); err != nil || again.Reveal() != u.Reveal() {
		t.Errorf("%s read again: %s, %v", text, again.Reveal(), err)
	}
	return u
}

// TestURLPage: the page about URLs is right about which ones are.
func TestURLPage(t *testing.T) {
	page, err := os.ReadFile("docs/urls.md")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	kind := ""
	for line := range strings.Lines(string(page)) {
		line = strings.TrimSpace(line)
		if fence, ok := strings.CutPrefix(line, "```"); ok {
			kind = fence
			continue
		}
		seen[kind]++
		u, err := depeche.ParseURL(line)
		if kind == "url" && err != nil {
			t.Errorf("%s: %v", line, err)
		}
		if kind == "refused" && err == nil {
			if _, err := u.Open(); err == nil {
				t.Errorf("%s is not refused", line)
			}
		}
	}
	if seen["url"] == 0 || seen["refused"] == 0 {
		t.Errorf("found no examples: %v", seen)
	}
}

// TestZeroURL: the zero URL is an error where it is used, and prints as nothing.
func TestZeroURL(t *testing.T) {
	var zero depeche.URL
	if _, err := zero.Open(); err == nil {
		t.Error("it opens")
	}
	if with, ok := zero.WithPasswordFile("x"); ok || zero.String() != "" || zero.Relays() != nil || with.HasPassword() {
		t.Errorf("%v, %v, %v", zero, with, ok)
	}
}

// TestURLDoesNotPrint: no way to print a URL shows its password.
func TestURLDoesNotPrint(t *testing.T) {
	u, err := depeche.ParseURL("smtps://user:hunter2@host")
	if err != nil {
		t.Fatal(err)
	}
	holder := struct{ u depeche.URL }{u}
	var text bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		_, _ = fmt.Fprintf(&text, verb+verb+verb+"\n", u, &u, holder)
	}
	if err := json.NewEncoder(&text).Encode([]any{u, &u}); err != nil {
		t.Fatal(err)
	}
	slog.New(slog.NewJSONHandler(&text, nil)).Info("x", "u", u, "p", &u)
	if shown := text.String(); strings.Contains(shown, "hunter2") || strings.Contains(shown, "68756e74657232") {
		t.Errorf("shows the password:\n%s", shown)
	}
}

// TestOpenEnv sends with the configuration of the environment.
func TestOpenEnv(t *testing.T) {
	srv := smtptest.NewUnstartedServer(t)
	srv.Config.Security = smtptest.Plaintext
	srv.Config.Mechanisms = map[string]smtptest.Mechanism{}
	srv.Start()
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("hunter2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		url, file string
		field     string // at fault
	}{
		"a URL":                          {url: srv.URL()},
		"a password in a file":           {url: "smtps://user@host", file: secret},
		"nothing":                        {field: "MAIL_URL"},
		"a fault":                        {url: "smtps://user:hunter2@host?colour=blue", field: "URL"},
		"a user without password":        {url: "smtps://user@host", field: "URL"},
		"no such file":                   {url: "smtps://user@host", file: secret + "x", field: "URL"},
		"a file for nobody":              {url: "smtps://host", file: secret, field: "MAIL_PASSWORD_FILE"},
		"two passwords":                  {url: "smtps://user:hunter2@host", file: secret, field: "MAIL_PASSWORD_FILE"},
		"a file for a stub":              {url: "stub:", file: secret, field: "MAIL_PASSWORD_FILE"},
		"a file in the variable and URL": {url: "smtps://user@host?password_file=x", file: secret, field: "MAIL_PASSWORD_FILE"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("MAIL_URL", tc.url)
			t.Setenv("MAIL_PASSWORD_FILE", tc.file)
			got, err := depeche.OpenEnv()
			var field string
			if e, ok := errors.AsType[*envelope.FieldError](err); ok {
				field = e.Field
			}
			if diff := cmp.Diff(tc.field, field); diff != "" || (got == nil) != (err != nil) {
				t.Fatalf("%v, %v: field at fault (-want +got):\n%s", got, err, diff)
			}
			if err != nil {
				if strings.Contains(err.Error(), "hunter2") {
					t.Errorf("the error shows the password: %v", err)
				}
				return
			}
			t.Cleanup(func() { _ = transport.Close(got) })
			if tc.url == srv.URL() {
				if err := transport.Check(t.Context(), got); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// FuzzURL: what can be read prints as the same URL again.
func FuzzURL(f *testing.F) {
	for _, seed := range []string{
		"stub:", "file:////a%2Fb", "sendmail:x%25", "file:*", "file:%00", "smtps://u:p@h?pool=1", "SMTP://h",
		"failover(smtps://u:p@h roundrobin(stub: file:a%20b)?pick=turn)?retry_period=15s", "failover((", "roundrobin(stub:)?weights=1%2C1",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		u, err := depeche.ParseURL(text)
		if err != nil {
			return
		}
		again, err := depeche.ParseURL(u.Reveal())
		if err != nil || again.Reveal() != u.Reveal() || again.String() != u.String() {
			t.Errorf("%q is read as %q, that as %q: %v", text, u.Reveal(), again.Reveal(), err)
		}
	})
}

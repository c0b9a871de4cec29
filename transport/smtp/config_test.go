package smtp_test

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/depeche-mail/depeche/transport/smtp"
	"github.com/depeche-mail/depeche/transport/smtp/client"
	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
	"github.com/google/go-cmp/cmp"
)

// TestConfigJSON: what a file says is what the Config has, and what it prints has no secret and no default.
func TestConfigJSON(t *testing.T) {
	const text = `{"host":"mx.example.org","security":"starttls","user":"jane","password":"hunter2","timeout":"30s","tls_min":"1.3","tls_pin":["` +
		"sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=" + `"],"pool":4,"dangerous_skip_verify":true}`
	var c smtp.Config
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		t.Fatal(err)
	}
	want := smtp.Config{
		Host: "mx.example.org", Security: smtp.SecurityStartTLS, User: "jane", Password: smtp.NewSecret("hunter2"),
		Timeout: smtp.Duration(30 * time.Second), TLSMin: "1.3", TLSPin: []string{client.Pin{}.String()}, Pool: 4, DangerousSkipVerify: true,
	}
	if diff := cmp.Diff(want, c); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	var printed bytes.Buffer
	encoder := json.NewEncoder(&printed)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(c); err != nil {
		t.Fatal(err)
	}
	got := strings.TrimSpace(printed.String())
	for part := range strings.SplitSeq(strings.ReplaceAll(text, "hunter2", "***"), ",") {
		if !strings.Contains(got, strings.Trim(part, "{}")) {
			t.Errorf("%s is not in %s", part, got)
		}
	}
	if n := strings.Count(got, ":"); n != strings.Count(text, ":") {
		t.Errorf("defaults are printed: %s", got)
	}
	if err := json.Unmarshal(printed.Bytes(), &c); err == nil || !strings.Contains(err.Error(), "***") {
		t.Errorf("what was printed was read with *** as its password: %v", err)
	}
	if u, err := want.URL(); err != nil || u.Reveal() != "smtp+starttls://jane:hunter2@mx.example.org?dangerous_skip_verify=true&pool=4&timeout=30s&tls_min=1.3&tls_pin=sha256%2FAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA%3D" {
		t.Errorf("%s, %v", u.Reveal(), err)
	}
}

// TestConfigFaults: all faults are found at once, each with the name that its field has in a file. A field that is
// empty is the default, but for those without which less would be safe.
func TestConfigFaults(t *testing.T) {
	pin := []string{client.Pin{1}.String()}
	host := func(c smtp.Config) smtp.Config { c.Host = "mx.example.org"; return c }
	for name, tc := range map[string]struct {
		config smtp.Config
		want   []string
	}{
		"nothing":              {smtp.Config{}, []string{"Host"}},
		"the least":            {host(smtp.Config{}), nil},
		"a provider":           {smtp.Config{Provider: "gmail", User: "u", Password: smtp.NewSecret("p")}, nil},
		"a provider and more":  {smtp.Config{Provider: "gmail", User: "u", Password: smtp.NewSecret("p"), Host: "x.org", Port: 1, Security: "tls"}, []string{"host", "port", "security"}},
		"an unknown provider":  {smtp.Config{Provider: "gmial", User: "u", Password: smtp.NewSecret("p")}, []string{"ForProvider"}},
		"its user is known":    {smtp.Config{Provider: "sendgrid", Password: smtp.NewSecret("p")}, nil},
		"a socket":             {smtp.Config{Socket: "/run/smtp"}, nil},
		"a socket and a host":  {host(smtp.Config{Socket: "/run/smtp", Port: 25}), []string{"host", "port"}},
		"TLS over a socket":    {smtp.Config{Socket: "/run/smtp", Security: smtp.SecurityTLS}, []string{"security"}},
		"protocol":             {host(smtp.Config{Protocol: "imap"}), []string{"protocol"}},
		"security":             {host(smtp.Config{Security: "none"}), []string{"security"}},
		"port":                 {host(smtp.Config{Port: -1}), []string{"Port"}},
		"user alone":           {host(smtp.Config{User: "u"}), []string{"user"}},
		"password alone":       {host(smtp.Config{Password: smtp.NewSecret("p")}), []string{"user"}},
		"file alone":           {host(smtp.Config{PasswordFile: "/none"}), []string{"user"}},
		"two secrets":          {host(smtp.Config{User: "u", Password: smtp.NewSecret("p"), PasswordFile: "/none"}), []string{"password_file"}},
		"empty pins":           {host(smtp.Config{TLSPin: []string{}}), []string{"tls_pin"}},
		"an empty pin":         {host(smtp.Config{TLSPin: append(pin, "")}), []string{"tls_pin"}},
		"empty trusted keys":   {host(smtp.Config{TLSTrustedKey: []string{}}), []string{"tls_trusted_key"}},
		"empty mechanisms":     {host(smtp.Config{User: "u", Password: smtp.NewSecret("p"), Auth: []string{}}), []string{"auth"}},
		"no extensions":        {host(smtp.Config{DisableExtensions: []string{}}), nil},
		"TLS without TLS":      {host(smtp.Config{Security: smtp.SecurityDangerousNone, TLSMin: "1.3", TLSPin: pin}), []string{"tls_min", "tls_pin"}},
		"several, all at once": {host(smtp.Config{Pool: -1, Timeout: -1, Chunking: "x", TLSMin: "1.1", Hello: "a b"}), []string{"tls_min", "hello", "timeout", "pool", "chunking"}},
		"crossed":              {host(smtp.Config{Pool: 2, MinIdle: 3}), []string{"Pool.MinIdle"}},
	} {
		if diff := cmp.Diff(tc.want, fields(tc.config.Validate())); diff != "" {
			t.Errorf("%s: %v: fields (-want +got):\n%s", name, tc.config.Validate(), diff)
		}
	}
}

// TestFaultsAreTheCallers: what is wrong with one field is not said of fields that the caller left alone.
func TestFaultsAreTheCallers(t *testing.T) {
	for want, b := range map[string]smtp.Builder{
		"Pool.MaxOpen": smtp.Relay("mx.example.org").Pool(smtp.Pool{MaxOpen: -1}),
		"Path":         smtp.LMTPSocket(""),
	} {
		_, err := b.Build()
		if diff := cmp.Diff([]string{want}, fields(err)); diff != "" {
			t.Errorf("%v: fields (-want +got):\n%s", err, diff)
		}
	}
}

// TestEmptyStepsAreDefaults: a program hands its options to the steps without a question whether they are set, except
// where less would be safe without them.
func TestEmptyStepsAreDefaults(t *testing.T) {
	same, err := smtp.Relay("mx.example.org").URL()
	if err != nil {
		t.Fatal(err)
	}
	empty := smtp.Relay("mx.example.org").Port(0).HelloName("").Timeout(0).Timeouts(client.Timeouts{}).Pool(smtp.Pool{}).BulkWindow(0).
		DisableExtensions().Chunking(0).MinVersion(0).DangerousMinVersion(0).ServerName("").TLSConfig(nil).Dialer(nil).Trace(nil).
		LocalAddr(nil).Mechanisms()
	if got, err := empty.URL(); err != nil || got.Reveal() != same.Reveal() {
		t.Errorf("%s, %v", got, err)
	}
	if _, err := empty.Build(); err != nil {
		t.Error(err)
	}
	base := smtp.Relay("mx.example.org")
	for step, b := range map[string]smtp.Builder{
		"Login":             base.Clone().Login("", ""),
		"AuthorizationID":   base.Clone().Login("u", "p").AuthorizationID(""),
		"PinnedKeys":        base.Clone().PinnedKeys(),
		"TrustedKeys":       base.Clone().TrustedKeys(),
		"ExtraRoots":        base.Clone().ExtraRoots(nil),
		"VerifyConnection":  base.Clone().VerifyConnection(nil),
		"ClientCertificate": base.Clone().ClientCertificate(tls.Certificate{}),
		"Host":              smtp.Relay(""),
	} {
		if _, err := b.Build(); !slices.Contains(fields(err), step) {
			t.Errorf("%s: %v", step, err)
		}
	}
}

// TestConfigSends: a Config reaches a server, and logs in.
func TestConfigSends(t *testing.T) {
	srv, _ := secure(t, nil)
	c := smtp.Config{
		Host: srv.Host(), Port: srv.Port(), User: smtptest.User, Password: smtp.NewSecret(smtptest.Password),
		TLSRoots: smtp.PEM(srv.AuthorityPEM()), Auth: []string{"PLAIN"}, Hello: "client.example",
	}
	wantSent(t, c.Builder())
	sessions := srv.Sessions()
	if len(sessions) == 0 || sessions[0].Hello != "client.example" || sessions[0].User != smtptest.User {
		t.Errorf("%v", sessions)
	}
	wantSent(t, smtp.Config{Host: srv.Host(), Port: srv.Port(), DangerousSkipVerify: true}.Builder())
}

// TestDuration: text without a length of time is an error, and what prints is read again.
func TestDuration(t *testing.T) {
	for text, want := range map[string]time.Duration{"30s": 30 * time.Second, "1m": time.Minute, "1h": time.Hour, "1h30m": 90 * time.Minute, "90m": 90 * time.Minute, "1.5s": 1500 * time.Millisecond, "": 0} {
		var d, again smtp.Duration
		if err := d.UnmarshalText([]byte(text)); err != nil || time.Duration(d) != want {
			t.Errorf("%q: %v, %v", text, time.Duration(d), err)
		}
		if err := again.UnmarshalText([]byte(d.String())); err != nil || again != d {
			t.Errorf("%q prints as %q: %v", text, d, err)
		}
	}
	var d smtp.Duration
	for _, text := range []string{"30", "-1s", "soon", "0s"} {
		if err := d.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is read as %v", text, time.Duration(d))
		}
	}
	if err := json.Unmarshal([]byte(`{"timeout":30}`), new(smtp.Config)); err == nil {
		t.Error("a number without a unit is read")
	}
	if smtp.Duration(0).String() != "" {
		t.Error("the default prints")
	}
}

// TestConfigShowsNoSecret: a user that is the password is not shown where a Config is printed or logged.
func TestConfigShowsNoSecret(t *testing.T) {
	const secret = "token-0123456789"
	for user, want := range map[string]string{secret: "***", "jane": "jane", "x" + secret: "***"} {
		c := smtp.Config{Host: "smtp.example.org", User: user, Password: smtp.NewSecret(secret)}
		var out bytes.Buffer
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
			fmt.Fprintf(&out, verb+"\n", c)
		}
		slog.New(slog.NewTextHandler(&out, nil)).Info("x", "config", c)
		slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "config", c)
		if text := out.String(); strings.Contains(text, secret) || strings.Count(text, want) < 7 || !strings.Contains(text, "smtp.example.org") {
			t.Errorf("%s: %s", user, text)
		}
	}
}

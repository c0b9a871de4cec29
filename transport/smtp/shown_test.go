package smtp_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/transport/smtp"
)

const shownKey = "-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----\n"

// printings are the ways in which a program prints a value.
func printings(t *testing.T, v any) string {
	t.Helper()
	var b strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		fmt.Fprintf(&b, verb+"\n", v)
	}
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	slog.New(slog.NewTextHandler(&b, nil)).Info("x", "v", v)
	slog.New(slog.NewJSONHandler(&b, nil)).Info("x", "v", v)
	return b.String() + string(text)
}

// TestConfigShowsNoSecretInWrongFields: a secret in a field that must not hold one is refused, and is not printed before that either.
func TestConfigShowsNoSecretInWrongFields(t *testing.T) {
	for name, tc := range map[string]struct {
		config smtp.Config
		want   string // is printed
	}{
		"proxy":           {smtp.Config{Proxy: "socks5://u:hunter2secret@p:1"}, "socks5://u:***@p:1"},
		"proxy, same":     {smtp.Config{Proxy: "socks5://hunter2secret:hunter2secret@p:1"}, "socks5://***:***@p:1"},
		"proxy, no host":  {smtp.Config{Proxy: "socks5://u:hunter2secret@"}, "***"},
		"proxy, bare":     {smtp.Config{Proxy: "u:hunter2secret@p"}, "***"},
		"proxy, query":    {smtp.Config{Proxy: "http://p?x=hunter2secret"}, "***"},
		"key":             {smtp.Config{TLSCertificate: "us.pem", TLSKey: shownKey}, "us.pem"},
		"key, half":       {smtp.Config{TLSCertificate: "us.pem", TLSKey: "hunter2\nhunter2\n"}, "us.pem"},
		"certificate":     {smtp.Config{TLSCertificate: shownKey}, "***"},
		"roots and a key": {smtp.Config{TLSRoots: "-----BEGIN CERTIFICATE-----\n" + shownKey}, "***"},
	} {
		t.Run(name, func(t *testing.T) {
			tc.config.Host = "mx.example.org"
			err := tc.config.Validate()
			_, noURL := tc.config.URL()
			printed := printings(t, tc.config) + printings(t, struct{ smtp.Config }{tc.config}) + fmt.Sprint(err, noURL) + printings(t, tc.config.Proxy)
			if strings.Contains(printed, "hunter2") || strings.Contains(printed, "68756e74657232") || !strings.Contains(printed, tc.want) || err == nil {
				t.Errorf("%v: %s", err, printed)
			}
		})
	}
	const proxy, path = "socks5h://user@proxy.example.org", "/run/us.pem"
	if text := printings(t, smtp.Config{Proxy: proxy, TLSKey: path}); strings.Count(text, proxy) < 6 || strings.Count(text, path) < 6 {
		t.Errorf("what is no secret is not printed: %s", text)
	}
}

// TestURLShowsNoSecret: a URL with a secret in a key is refused at once, for a URL prints with its keys.
func TestURLShowsNoSecret(t *testing.T) {
	for key, value := range map[string]string{
		"proxy": "socks5://u:hunter2secret@p", "proxy ": "u:hunter2", "tls_key": shownKey, "tls_certificate": shownKey, "tls_roots": "-----BEGIN CERTIFICATE-----\n" + shownKey,
	} {
		key = strings.TrimSpace(key)
		u, err := smtp.ParseURL("smtps://h?" + key + "=" + url.QueryEscape(value))
		if err == nil || !strings.Contains(err.Error(), key) || strings.Contains(printings(t, u)+err.Error(), "hunter2") {
			t.Errorf("%s: %v, %v", key, u, err)
		}
	}
}

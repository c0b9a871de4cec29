package authentication_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/transport/smtp/authentication"
)

// TestRedact: neither a secret nor a long part of one is left, whatever a server makes of its echo.
func TestRedact(t *testing.T) {
	const secret = "correct\thorse battery staple ya29.Abcdef"
	encoded := base64.StdEncoding.EncodeToString([]byte(secret))
	for name, text := range map[string]string{
		"whole":          "no: " + secret,
		"base64":         "no: " + encoded,
		"printable":      "no: correct?horse battery staple ya29.Abcdef",
		"shortened":      "no: \"" + encoded[:20] + "..." + encoded[len(encoded)-20:] + "\"",
		"shortened text": "no: orse battery st",
	} {
		got := authentication.Redact(text, secret, encoded)
		for i := range len(secret) - 7 {
			if strings.Contains(got, secret[i:i+8]) {
				t.Fatalf("%s: %q", name, got)
			}
		}
		for i := range len(encoded) - 7 {
			if strings.Contains(got, encoded[i:i+8]) {
				t.Fatalf("%s: %q", name, got)
			}
		}
		if !strings.HasPrefix(got, "no: ") || !strings.Contains(got, "***") {
			t.Errorf("%s: %q", name, got)
		}
	}
	if got := authentication.Redact("535 5.7.8 wrong password", "short", ""); got != "535 5.7.8 wrong password" {
		t.Error(got)
	}
}

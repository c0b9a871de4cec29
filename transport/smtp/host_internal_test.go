package smtp

import (
	"strings"
	"testing"
)

// TestParseHost: what can be dialed is a host, and what is not says what to do.
func TestParseHost(t *testing.T) {
	long := strings.Repeat("a.", 126) + "a"
	for text, want := range map[string]string{
		"mx.example.org": "mx.example.org", "localhost": "localhost", "MX.Example.org": "mx.example.org",
		"mx.example.org.": "mx.example.org.", "smtp_relay": "smtp_relay", "smtp_relay.internal": "smtp_relay.internal", "_x.example.org": "_x.example.org",
		"bücher.example": "xn--bcher-kva.example", "BÜCHER.example.": "xn--bcher-kva.example.", "ｍｘ.example": "mx.example", "xn--bcher-kva.example": "xn--bcher-kva.example",
		"127.0.0.1": "127.0.0.1", "::1": "::1", "[::1]": "::1", "fe80::1%eth0": "fe80::1%eth0", "[fe80::1%eth0]": "fe80::1%eth0", long: long,
	} {
		if got, err := parseHost(text); err != nil || got != want {
			t.Errorf("%q: %q, %v; want %q", text, got, err, want)
		}
	}
	for text, want := range map[string]string{
		"mx.example.org:587": "set by Port", "127.0.0.1:25": "set by Port", "[::1]:25": "set by Port", "bücher.example:465": "set by Port",
		"smtps://mx.example.org": "FromURL", "": "want a host name", ".": "want a host name", "..": "want a host name", "a..b": "want a host name",
		"a b": "want a host name", "mx.example.org\r\nX": "want a host name", "-a.example": "want a host name", "[mx.example.org]": "want a host name",
		"a/b": "want a host name", "a%20b": "want a host name", "a@b": "want a host name", "a\x00": "want a host name",
		"user:secret": "want a host name", long + "a": "want a host name", strings.Repeat("é", 5000): "want a host name", strings.Repeat("a", 64): "want a host name",
	} {
		if got, err := parseHost(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60q: %q, %v; want %q", text, got, err, want)
		}
	}
}

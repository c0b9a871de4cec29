package cli_test

import (
	"encoding/base64"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// zone answers questions for TXT records, and returns its address. A name with the text "broken" is answered by a failure.
func zone(t *testing.T, records map[string]string) string {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() { _ = conn.Close(); <-done })
	go func() {
		defer close(done)
		buffer := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(buffer)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(buffer[:n]) != nil || len(m.Questions) != 1 {
				continue
			}
			q := m.Questions[0]
			m.Response, m.RecursionAvailable, m.Additionals = true, true, nil
			text, ok := records[strings.TrimSuffix(q.Name.String(), ".")]
			switch {
			case !ok:
				m.RCode = dnsmessage.RCodeNameError
			case text == "broken":
				m.RCode = dnsmessage.RCodeServerFailure
			default:
				var parts []string
				for ; len(text) > 255; text = text[255:] {
					parts = append(parts, text[:255])
				}
				m.Answers = []dnsmessage.Resource{{
					Header: dnsmessage.ResourceHeader{Name: q.Name, Type: dnsmessage.TypeTXT, Class: dnsmessage.ClassINET},
					Body:   &dnsmessage.TXTResource{TXT: append(parts, text)},
				}}
			}
			if answer, err := m.Pack(); err == nil {
				_, _ = conn.WriteTo(answer, from)
			}
		}
	}()
	return conn.LocalAddr().String()
}

// TestDKIM makes a key, publishes it, and finds out that what is signed with it holds.
func TestDKIM(t *testing.T) {
	for _, kind := range []string{"rsa", "ed25519"} {
		t.Run(kind, func(t *testing.T) {
			key := filepath.Join(t.TempDir(), "key.pem")
			names := []string{"--domain", "example.org", "--selector", "s1", "--key", key}
			with := func(command ...string) []string { return append(append([]string{"dkim"}, command...), names...) }
			made := run(t, with("new", "--type", kind), "")
			if made.status != 0 || !strings.HasPrefix(made.out, "s1._domainkey.example.org.") || strings.Contains(made.out+made.errors, "PRIVATE") {
				t.Fatalf("%+v", made)
			}
			if info, err := os.Stat(key); err != nil || info.Mode().Perm() != 0o600 {
				t.Error(info, err)
			}
			if again := run(t, with("new"), ""); again.status != 64 || !strings.Contains(again.errors, "exists") {
				t.Errorf("the key was replaced: %+v", again)
			}
			if record := run(t, with("record"), ""); record.out != made.out {
				t.Errorf("%s, and before %s", record.out, made.out)
			}
			record := strings.TrimSpace(run(t, with("record", "--text"), "").out)
			server := zone(t, map[string]string{"s1._domainkey.example.org": record, "s2._domainkey.example.org": "v=DKIM1; p=", "s3._domainkey.example.org": "broken"})
			if got := run(t, with("check", "--resolver", server), ""); got.status != 0 || !strings.Contains(got.out, "has the record of this key") {
				t.Errorf("%+v", got)
			}
			for selector, want := range map[string]int{"s1": 0, "s2": 69, "s3": 75, "s4": 69} {
				if got := run(t, []string{"dkim", "check", "--domain", "example.org", "--selector", selector, "--resolver", server}, ""); got.status != want {
					t.Errorf("%s: %+v", selector, got)
				}
			}
			signed := run(t, with("sign"), "From: a@example.org\nSubject: x\n\nhello\n")
			if signed.status != 0 || !strings.HasPrefix(signed.out, "DKIM-Signature: ") || !strings.HasSuffix(signed.out, "\r\n\r\nhello\r\n") {
				t.Fatalf("%+v", signed)
			}
			verify := []string{"dkim", "verify", "--resolver", server}
			if got := run(t, verify, signed.out); got.status != 0 || got.out != "example.org\ts1\t"+kind+"-sha256\tholds\n" {
				t.Errorf("%+v", got)
			}
			if got := run(t, []string{"dkim", "verify", "--record", record}, signed.out); got.status != 0 {
				t.Errorf("%+v", got)
			}
			if got := run(t, verify, strings.Replace(signed.out, "hello", "hallo", 1)); got.status != 69 || !strings.Contains(got.out, "does not hold: ") {
				t.Errorf("%+v", got)
			}
			if got := run(t, verify, strings.ReplaceAll(signed.out, "s1", "s3")); got.status != 75 {
				t.Errorf("%+v", got)
			}
			other := filepath.Join(t.TempDir(), "other.pem")
			run(t, []string{"dkim", "new", "--domain", "example.org", "--selector", "s1", "--key", other, "--type", kind}, "")
			if got := run(t, []string{"dkim", "check", "--domain", "example.org", "--selector", "s1", "--key", other, "--resolver", server}, ""); got.status != 69 {
				t.Errorf("another key: %+v", got)
			}
			// What send signs holds, too; the domain is that of --from.
			srv := open(t)
			sent := run(t, []string{
				"send", "--from", "A <a@example.org>", "--to", "b@example.org", "--text", "hello", "--subject", "x", "--dkim-selector", "s1", "--dkim-key", key,
			}, "", "MAIL_URL=smtp://"+srv.Addr())
			if sent.status != 0 {
				t.Fatalf("%+v", sent)
			}
			if got := run(t, verify, string(srv.Messages()[0].Content)); got.status != 0 {
				t.Errorf("%+v", got)
			}
		})
	}
}

// TestDKIMFaults names what is wrong.
func TestDKIMFaults(t *testing.T) {
	key := write(t, "key.pem", "no key")
	none := filepath.Join(t.TempDir(), "none")
	for arguments, want := range map[string]struct {
		status int
		says   string
	}{
		"new --domain example.org --selector s1":                          {64, "key"},
		"new --domain example.org --selector s1 --type dsa --key " + none: {64, "want rsa or ed25519"},
		"new --domain example..org --selector s1 --key " + none:           {64, "example..org"},
		"record --domain example.org --selector s1 --key " + key:          {64, "Key"},
		"record --domain example.org --selector s1 --key " + none:         {64, "none"},
		"sign --selector s1 --key " + key:                                 {64, "domain"},
		"verify " + none:                                                  {65, "none"},
		"verify":                                                          {65, "the message is empty"},
	} {
		got := run(t, append([]string{"dkim"}, strings.Fields(arguments)...), "")
		if got.status != want.status || !strings.Contains(got.errors, want.says) {
			t.Errorf("%s: %+v", arguments, got)
		}
	}
	if _, err := os.Stat(none); err == nil {
		t.Error("a key was written that cannot be used")
	}
	if got := run(t, []string{"dkim", "verify"}, "From: a@example.org\n\nhello\n"); got.status != 69 || !strings.Contains(got.errors, "there is no signature") {
		t.Errorf("%+v", got)
	}
	seed := write(t, "seed", base64.StdEncoding.EncodeToString(make([]byte, 32)))
	sign := []string{"dkim", "sign", "--domain", "example.org", "--selector", "s1", "--key", seed}
	if got := run(t, sign, "From: a@example.com\n\nhello\n"); got.status != 65 || !strings.Contains(got.errors, "example.com") || got.out != "" {
		t.Errorf("another domain: %+v", got)
	}
}

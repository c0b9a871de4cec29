package dkim_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/depeche-mail/depeche/dkim"
	"github.com/depeche-mail/depeche/transport"
	"github.com/google/go-cmp/cmp"
)

type relaySigner interface {
	ForRelay(rules transport.SignatureRules) (func(context.Context, transport.Mail) ([]transport.Mail, error), error)
}

func always(s *dkim.Signer) dkim.ByDomain {
	return func(context.Context, string) (*dkim.Signer, error) { return s, nil }
}

// TestByDomain: each mail is signed by the domain of its From, or goes as it is, or not at all.
func TestByDomain(t *testing.T) {
	var asked []string
	down := errors.New("the database is down")
	s := dkim.ByDomain(func(_ context.Context, domain string) (*dkim.Signer, error) {
		asked = append(asked, domain)
		switch domain {
		case "example.org", "xn--bcher-kva.example":
			return build(t, dkim.Sign(domain).Key("e", edKey).Clock(clock)), nil
		case "example.net":
			return nil, nil //nolint:nilnil // this domain does not sign
		case "example.com":
			return build(t, dkim.Sign("example.org").Key("e", edKey)), nil
		case "down.example":
			return nil, down
		}
		return nil, dkim.ErrNoSigner
	})
	for _, domain := range []string{"example.org", "bücher.example"} {
		signed := sign(t, s, raw(t, "From: a@"+domain+"\n\nHi\n"))
		if !strings.HasPrefix(string(signed), "DKIM-Signature: ") {
			t.Errorf("%s: %q", domain, signed)
		}
	}
	plain := raw(t, "From: a@example.net\n\nHi\n")
	if got, err := s.Sign(t.Context(), plain); got != plain || err != nil {
		t.Errorf("without a signer: %v, %v", got, err)
	}
	for domain, want := range map[string]error{"down.example": down, "other.example": dkim.ErrNoSigner} {
		if _, err := s.Sign(t.Context(), raw(t, "From: a@"+domain+"\n\nHi\n")); !errors.Is(err, want) || !strings.Contains(err.Error(), domain) {
			t.Errorf("%s: %v", domain, err)
		}
	}
	if _, err := s.Sign(t.Context(), raw(t, "From: a@example.com\n\nHi\n")); err == nil || !strings.Contains(err.Error(), "not aligned") {
		t.Errorf("a key of another domain: %v", err)
	}
	if diff := cmp.Diff([]string{"example.org", "xn--bcher-kva.example", "example.net"}, asked[:3]); diff != "" {
		t.Error(diff)
	}
}

// TestKeyFile: a key file is read again when it has changed, and a broken one is an error and not the old key.
func TestKeyFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key.pem")
	write := func(text string) {
		t.Helper()
		next := path + ".next"
		if err := os.WriteFile(next, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(next, path); err != nil {
			t.Fatal(err)
		}
	}
	pkcs8 := func(key any) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: must(x509.MarshalPKCS8PrivateKey(key))}))
	}
	write(pkcs8(edKey))
	s := build(t, dkim.Sign("example.org").KeyFile("k", path).Clock(clock))
	algorithm := func() string {
		found, err := (&dkim.Verifier{}).Verify(t.Context(), strings.NewReader(string(sign(t, s, raw(t, full)))))
		if err != nil || len(found) != 1 {
			t.Fatal(found, err)
		}
		return found[0].Algorithm
	}
	if got := algorithm(); got != "ed25519-sha256" {
		t.Error(got)
	}
	write(string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(rsaKey())})))
	if got := algorithm(); got != "rsa-sha256" {
		t.Error(got)
	}
	if records, err := s.Records(); err != nil || records[0].Record.String() != must(dkim.NewRecord(rsaKey())).String() {
		t.Error(records, err)
	}
	short := must(rsa.GenerateKey(rand.Reader, 1024))
	write(pkcs8(short))
	if _, err := s.Sign(t.Context(), raw(t, full)); err == nil || !strings.Contains(err.Error(), "1024 bits can be broken") {
		t.Errorf("a short key: %v", err)
	}
	write("half a key")
	if _, err := s.Sign(t.Context(), raw(t, full)); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("a broken file: %v", err)
	}
	write(base64.StdEncoding.EncodeToString(edKey.Seed()) + "\n")
	if got := algorithm(); got != "ed25519-sha256" {
		t.Error(got)
	}
	same := must(os.Stat(path)).ModTime() // a file that is written anew in place, at the same time
	if err := os.WriteFile(path, []byte(pkcs8(rsaKey())), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, same, same); err != nil {
		t.Fatal(err)
	}
	if got := algorithm(); got != "rsa-sha256" {
		t.Error(got)
	}
	other := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize)) // as long as the one before, in the same file
	for i, key := range []ed25519.PrivateKey{edKey, other} {
		if err := os.WriteFile(path, []byte(base64.StdEncoding.EncodeToString(key.Seed())), 0o600); err != nil {
			t.Fatal(err)
		}
		when := same.Add(time.Duration(i) * time.Second)
		if err := os.Chtimes(path, when, when); err != nil {
			t.Fatal(err)
		}
		if records, err := s.Records(); err != nil || records[0].Record.String() != must(dkim.NewRecord(key)).String() {
			t.Errorf("key %d: %v, %v", i, records, err)
		}
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Sign(t.Context(), raw(t, full)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	if _, err := s.Records(); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}

// TestParseKey: what is not a key says so, and never shows what it read.
func TestParseKey(t *testing.T) {
	for name, text := range map[string]string{
		"empty":           "",
		"text":            "secret words",
		"a short seed":    "c2VjcmV0",
		"a certificate":   "-----BEGIN CERTIFICATE-----\nc2VjcmV0\n-----END CERTIFICATE-----\n",
		"with passphrase": "-----BEGIN ENCRYPTED PRIVATE KEY-----\nc2VjcmV0\n-----END ENCRYPTED PRIVATE KEY-----\n",
		"damaged":         "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n",
		"damaged RSA":     "-----BEGIN RSA PRIVATE KEY-----\nc2VjcmV0\n-----END RSA PRIVATE KEY-----\n",
	} {
		if key, err := dkim.ParseKey([]byte(text)); err == nil || strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "c2Vj") {
			t.Errorf("%s: %v, %v", name, key, err)
		}
	}
}

// TestCheckPublished compares keys with the DNS before they are used.
func TestCheckPublished(t *testing.T) {
	s := build(t, signer())
	if err := verifier().CheckPublished(t.Context(), s); err != nil {
		t.Error(err)
	}
	for name, tc := range map[string]struct {
		texts []string
		want  string
	}{
		"nothing":     {nil, "there is no TXT record"},
		"two records": {[]string{"v=DKIM1; p=", "v=DKIM1; p="}, "there are 2 TXT records"},
		"revoked":     {[]string{"v=DKIM1; p="}, "was revoked"},
		"another key": {[]string{must(dkim.NewRecord(edKey)).String()}, "r._domainkey.example.org is another key; publish \"v=DKIM1; k=rsa; p="},
		"unreadable":  {[]string{"v=spf1 -all"}, "DKIM1 is expected"},
	} {
		v := &dkim.Verifier{LookupTXT: func(context.Context, string) ([]string, error) { return tc.texts, nil }}
		if err := v.CheckPublished(t.Context(), s); !errors.Is(err, dkim.ErrKey) || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

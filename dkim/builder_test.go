package dkim_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/depeche-mail/depeche/dkim"
	"github.com/depeche-mail/depeche/transport"
	"github.com/google/go-cmp/cmp"
)

// TestBuildErrors: Build names each step that was given something unusable, and says what to do.
func TestBuildErrors(t *testing.T) {
	short, shortest := must(rsa.GenerateKey(rand.Reader, 1536)), must(rsa.GenerateKey(rand.Reader, 1024))
	curve := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	good := func() dkim.Builder { return dkim.Sign("example.org").Key("e", edKey) }
	cases := map[string]struct {
		build dkim.Builder
		want  []string // a step and a part of its reason
	}{
		"nothing":              {dkim.Sign(""), []string{"Domain: ", "Key: a key is needed"}},
		"an IP address":        {dkim.Sign("[192.0.2.1]").Key("e", edKey), []string{"Domain ", "an IP address"}},
		"not a domain":         {dkim.Sign("a b").Key("e", edKey), []string{"Domain "}},
		"a nil key":            {dkim.Sign("example.org").Key("e", nil), []string{`Key "e": the key is nil`}},
		"a short RSA key":      {dkim.Sign("example.org").Key("r", short), []string{"1536 bits can be broken", "DangerousShortRSA"}},
		"another algorithm":    {dkim.Sign("example.org").Key("c", curve), []string{"DKIM has no algorithm for a *ecdsa.PublicKey"}},
		"no selector":          {dkim.Sign("example.org").Key("", edKey), []string{"a selector is needed"}},
		"not a selector":       {dkim.Sign("example.org").Key("a b", edKey), []string{`Key "a b": not a name for the DNS`}},
		"one selector twice":   {good().Key("E", rsaKey()), []string{`Key[1] "E": the selector is in use`}},
		"a long name":          {dkim.Sign(strings.Repeat("x.", 100)+"org").Key(strings.Repeat("y.", 20)+"y", edKey), []string{"longer than 253 octets"}},
		"not ASCII":            {dkim.Sign("example.org").Key("ü_x", edKey).Key("a。b_c", edKey), []string{`Key "ü_x": a selector with an underscore`, "Key[1] "}},
		"no such file":         {dkim.Sign("example.org").KeyFile("e", filepath.Join(t.TempDir(), "none")), []string{`Key "e": `, "no such file"}},
		"From left out":        {good().Except("from"), []string{`Except "from": this field must be signed`}},
		"one-click left out":   {good().Except("List-Unsubscribe", "List-Unsubscribe-Post"), []string{"Except ", "RFC 8058", "Except[1]"}},
		"left out for nothing": {good().Except("X-Other"), []string{"this field is not signed anyway"}},
		"a trace field":        {good().Fields("X-Mine", "Received"), []string{`Fields[1] "Received": servers change this field`}},
		"signed anyway":        {good().Fields("subject"), []string{"this field is signed anyway"}},
		"not a field":          {good().Fields("a b", "c:", "d;"), []string{"Fields ", "Fields[1]", "Fields[2]"}},
		"too soon":             {good().Expires(time.Millisecond), []string{"Expires "}},
		"no clock":             {good().Clock(nil), []string{"Clock: "}},
		"no canonicalization":  {good().Canonicalization(7, dkim.Simple), []string{"Canonicalization "}},
		"not an address":       {good().Identity("example.org"), []string{"Identity ", `use "user@domain"`}},
		"another domain":       {good().Identity("@example.com"), []string{"must be in example.org"}},
		"a long identity":      {good().Identity(strings.Repeat("x", 65) + "@example.org"), []string{"Identity ", "64 octets"}},
		"odd identity":         {good().Identity("a;b@example.org"), []string{"printable ASCII"}},
	}
	for name, tc := range cases {
		_, err := tc.build.Build()
		if failed := new(dkim.FieldError); !errors.As(err, &failed) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, part := range tc.want {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%s: %v; want %q in it", name, err, part)
			}
		}
	}
	if _, err := dkim.Sign("example.org").Key("r", short).DangerousShortRSA().Build(); err != nil {
		t.Error(err)
	}
	if _, err := dkim.Sign("example.org").Key("r", shortest).DangerousShortRSA().Build(); err != nil {
		t.Error(err)
	}
	if _, err := dkim.Sign("example.org").Key("Mail_2026.Q1", edKey).Build(); err != nil {
		t.Error(err)
	}
}

// TestBuilderIsLinear: a handle is used once, and forks share nothing.
func TestBuilderIsLinear(t *testing.T) {
	base := dkim.Sign("example.org").Key("a", edKey).Clock(clock)
	fork := base.Clone()
	one := build(t, base.Key("b", rsaKey()).Except("Date").Fields("X-One"))
	if _, err := base.Build(); !errors.Is(err, dkim.ErrStale) {
		t.Errorf("a spent handle: %v", err)
	}
	two := build(t, fork.Except("Subject").Fields("X-Two"))
	text := "X-One: 1\nX-Two: 2\n" + full
	for i, tc := range []struct {
		s     *dkim.Signer
		count int
		signs map[string]bool
	}{
		{one, 2, map[string]bool{"Date": false, "Subject": true, "X-One": true, "X-Two": false}},
		{two, 1, map[string]bool{"Date": true, "Subject": false, "X-One": false, "X-Two": true}},
	} {
		found, err := verifier().Verify(t.Context(), strings.NewReader(string(sign(t, tc.s, raw(t, text)))))
		if err != nil || len(found) != tc.count {
			t.Fatalf("%d: %d signatures, %v", i, len(found), err)
		}
		for name, want := range tc.signs {
			if found[0].Signs(name) != want {
				t.Errorf("%d: %s is in %v", i, name, found[0].Fields)
			}
		}
	}
}

// TestForksAreApart: what one fork of three of everything is given does not reach the other, whichever steps first.
func TestForksAreApart(t *testing.T) {
	base := dkim.Sign("example.org").Key("a", edKey).Key("b", edKey).Key("c", edKey).
		Fields("X-A").Fields("X-B").Fields("X-C").Except("List-ID").Except("List-Help").Except("List-Post").Clock(clock)
	fork := base.Clone()
	base, fork = base.Key("one", edKey).Fields("X-One").Except("Date"), fork.Key("two", edKey).Fields("X-Two").Except("Subject")
	text := "X-One: 1\nX-Two: 2\n" + full
	for own, tc := range map[string]struct {
		b          dkim.Builder
		with, left string
	}{"one": {base, "X-One", "Date"}, "two": {fork, "X-Two", "Subject"}} {
		found, err := verifier().Verify(t.Context(), bytes.NewReader(sign(t, build(t, tc.b), raw(t, text))))
		if err != nil || len(found) != 4 {
			t.Fatalf("%s: %d signatures, %v", own, len(found), err)
		}
		if found[3].Selector != own || !found[3].Signs(tc.with) || found[3].Signs(tc.left) {
			t.Errorf("%s: selector %s, %v", own, found[3].Selector, found[3].Fields)
		}
	}
}

// TestForRelay: a relay's rules are kept, or refused at once.
func TestForRelay(t *testing.T) {
	ses := transport.SignatureRules{Max: 1, Rewrites: []string{"message-id", "Date", "Return-Path"}}
	if _, err := build(t, signer()).ForRelay(ses); err == nil || !strings.Contains(err.Error(), "2 keys for example.org, but the relay takes only 1") {
		t.Errorf("two keys: %v", err)
	}
	if _, err := build(t, signer()).ForRelay(transport.SignatureRules{Rewrites: []string{"from"}}); err == nil {
		t.Error("a relay that changes From")
	}
	one := build(t, dkim.Sign("example.org").Key("r", rsaKey()).Clock(clock))
	byDomain := always(one)
	for name, s := range map[string]relaySigner{"signer": one, "by domain": byDomain} {
		step, err := s.ForRelay(ses)
		if err != nil {
			t.Fatal(err)
		}
		mails, err := step(t.Context(), raw(t, full))
		if err != nil || len(mails) != 1 {
			t.Fatal(mails, err)
		}
		text := string(octets(t, mails[0]))
		found, err := verifier().Verify(t.Context(), strings.NewReader(text))
		if err != nil || len(found) != 1 || found[0].Err != nil || found[0].Signs("Message-ID") || found[0].Signs("Date") || !found[0].Signs("Subject") {
			t.Errorf("%s: %v, %v", name, found, err)
		}
		if _, err := step(t.Context(), mails[0]); err == nil || !strings.Contains(err.Error(), "has 1 DKIM-Signature fields") {
			t.Errorf("%s: a second signature: %v", name, err)
		}
	}
	step, err := always(build(t, signer())).ForRelay(ses)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := step(t.Context(), raw(t, full)); err == nil || !strings.Contains(err.Error(), "2 keys") {
		t.Errorf("two keys of a domain: %v", err)
	}
	if _, err := dkim.ByDomain(nil).ForRelay(ses); err == nil {
		t.Error("a nil ByDomain")
	}
}

// TestNewRecord: the record of a key, whichever half is given, read back, in strings that a TXT record holds.
func TestNewRecord(t *testing.T) {
	big := must(rsa.GenerateKey(rand.Reader, 4096))
	for name, key := range map[string]crypto.Signer{"ed25519": edKey, "2048": rsaKey(), "4096": big} {
		record := must(dkim.NewRecord(key))
		public := must(dkim.NewRecord(key.Public()))
		if record.String() != public.String() {
			t.Errorf("%s: %q and %q", name, record, public)
		}
		for i, s := range record.Strings() {
			if len(s) > 255 || s == "" || i == 0 && !strings.HasPrefix(s, "v=DKIM1; ") {
				t.Errorf("%s: string %d is %q", name, i, s)
			}
		}
		if got := strings.Join(record.Strings(), ""); got != record.String() {
			t.Errorf("%s: %q, want %q", name, got, record)
		}
		for _, r := range []dkim.Record{record, {Key: record.Key, Testing: true}, {Key: record.Key, Strict: true}, {Key: record.Key, Testing: true, Strict: true}, {}} {
			back, err := dkim.ParseRecord(r.String())
			if err != nil || back.String() != r.String() || !cmp.Equal(back.Key, r.Key) {
				t.Errorf("%s: %q became %q, %v", name, r, back, err)
			}
		}
	}
	want := `e._domainkey.example.org. IN TXT ("v=DKIM1; k=ed25519; p=` + strings.TrimPrefix(must(dkim.NewRecord(edKey)).String(), "v=DKIM1; k=ed25519; p=") + `")`
	if got := must(dkim.NewRecord(edKey)).Zone("e", "example.org"); got != want {
		t.Errorf("%s", got)
	}
	if got := must(dkim.NewRecord(rsaKey())).Zone("r", "example.org"); strings.Count(got, `"`) != 4 || !strings.Contains(got, `" "`) {
		t.Errorf("%s", got)
	}
	if _, err := dkim.NewRecord("key"); err == nil {
		t.Error("a record of a string")
	}
	if _, err := dkim.NewRecord(ed25519.PublicKey("short")); err == nil {
		t.Error("a record of a short key")
	}
}

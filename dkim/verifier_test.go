package dkim

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/big"
	"strings"
	"testing"
	"time"
)

var testKey = ed25519.NewKeyFromSeed([]byte("another seed that has 32 octets."))

// made returns a message with a signature by testKey that has these tags, each of which replaces one of a good
// signature; "name=" takes one away.
func made(t *testing.T, key crypto.Signer, changes ...string) []byte {
	t.Helper()
	const header, text = "From: a@example.org\r\nSubject: x\r\n", "Hi\r\n"
	names := []string{"v", "a", "c", "d", "s", "t", "x", "i", "h", "bh", "l", "q"}
	values := map[string]string{
		"v": "1", "a": "ed25519-sha256", "c": "relaxed/relaxed", "d": "example.org", "s": "s", "h": "From:Subject",
		"bh": base64.StdEncoding.EncodeToString(sum([]byte(text))),
	}
	for _, c := range changes {
		name, value, _ := strings.Cut(c, "=")
		values[name] = value
	}
	var list strings.Builder
	for _, name := range names {
		if values[name] != "" {
			fmt.Fprintf(&list, "%s=%s; ", name, values[name])
		}
	}
	line := fieldName + ": " + list.String() + "b="
	fields, err := parseHeader([]byte(header))
	if err != nil {
		t.Fatal(err)
	}
	form := Relaxed
	if !strings.HasPrefix(values["c"], "relaxed") {
		form = Simple
	}
	digest := sum(bytes.TrimSuffix(appendField(canonicalHeader(fields, colons(values["h"]), form), newField([]byte(line), len(fieldName)), form), crlf))
	opts := crypto.Hash(0)
	if _, ok := key.(*rsa.PrivateKey); ok {
		opts = crypto.SHA256
	}
	signature, err := key.Sign(nil, digest, opts)
	if err != nil {
		t.Fatal(err)
	}
	return []byte(line + base64.StdEncoding.EncodeToString(signature) + "\r\n" + header + "\r\n" + text)
}

func sum(text []byte) []byte {
	s := sha256.Sum256(text)
	return s[:]
}

// TestVerifierRefuses: what a signature must not have, or must have, each alone in one that otherwise holds.
func TestVerifierRefuses(t *testing.T) {
	now := time.Date(2026, time.March, 4, 5, 6, 7, 0, time.UTC)
	at := func(d time.Duration) string { return seconds(now.Add(d)) }
	good := "v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(testKey.Public().(ed25519.PublicKey))
	other := "v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(make([]byte, 32))
	cases := map[string]struct {
		changes []string
		record  string
		want    error
	}{
		"good":                   {nil, good, nil},
		"every tag":              {[]string{"t=" + at(0), "x=" + at(time.Hour), "i=a@sub.example.org", "q=other : dns/txt"}, good, nil},
		"simple by default":      {[]string{"c="}, good, nil},
		"simple body by default": {[]string{"c=relaxed"}, good, nil},
		"U-labels":               {[]string{"d=EXAMPLE.org"}, good, nil},
		"record without version": {nil, strings.TrimPrefix(good, "v=DKIM1; "), nil},
		"record with everything": {nil, good + "; t=y; s=x : email; h=sha1:sha256; n=note", nil},
		"a future version":       {[]string{"v=2"}, good, ErrMalformed},
		"no version":             {[]string{"v="}, good, ErrMalformed},
		"rsa-sha1":               {[]string{"a=rsa-sha1"}, good, ErrMalformed},
		"no domain":              {[]string{"d="}, good, ErrMalformed},
		"not a domain":           {[]string{"d=a b"}, good, ErrMalformed},
		"no selector":            {[]string{"s="}, good, ErrMalformed},
		"not a selector":         {[]string{"s=a b"}, good, ErrMalformed},
		"no fields":              {[]string{"h="}, good, ErrMalformed},
		"From is not signed":     {[]string{"h=Subject"}, good, ErrMalformed},
		"no body hash":           {[]string{"bh="}, good, ErrMalformed},
		"a body hash of nothing": {[]string{"bh=!"}, good, ErrMalformed},
		"a part of the body":     {[]string{"l=2"}, good, ErrMalformed},
		"odd canonicalization":   {[]string{"c=relaxed/nofws"}, good, ErrMalformed},
		"another identity":       {[]string{"i=@example.com"}, good, ErrMalformed},
		"no identity":            {[]string{"i=example.org"}, good, ErrMalformed},
		"another query":          {[]string{"q=http"}, good, ErrMalformed},
		"no time":                {[]string{"t=now"}, good, ErrMalformed},
		"ends before it began":   {[]string{"t=" + at(0), "x=" + at(0)}, good, ErrMalformed},
		"expired":                {[]string{"t=" + at(-time.Hour), "x=" + at(0)}, good, ErrExpired},
		"from the future":        {[]string{"t=" + at(time.Hour)}, good, ErrExpired},
		"a little early":         {[]string{"t=" + at(time.Minute)}, good, nil},
		"another body":           {[]string{"bh=" + base64.StdEncoding.EncodeToString(sum(nil))}, good, ErrBody},
		"another key":            {nil, other, ErrFields},
		"revoked":                {nil, "v=DKIM1; p=", ErrKey},
		"no key":                 {nil, "v=DKIM1; k=ed25519", ErrKey},
		"a key of another kind":  {nil, records["brisbane._domainkey.example.com"], ErrKey},
		"an unknown kind":        {nil, "k=x; p=AAAA", ErrKey},
		"not a key":              {nil, "p=AAAA", ErrKey},
		"not base64":             {nil, "p=!", ErrKey},
		"another version":        {nil, "v=DKIM2; p=", ErrKey},
		"version is not first":   {nil, "k=ed25519; v=DKIM1; p=", ErrKey},
		"only sha1":              {nil, good + "; h=sha1", ErrKey},
		"not for mail":           {nil, good + "; s=tlsrpt", ErrKey},
		"strict":                 {[]string{"i=@sub.example.org"}, good + "; t=s", ErrKey},
		"strict and equal":       {[]string{"i=a@Example.org"}, good + "; t=s", nil},
		"a tag twice":            {nil, good + "; k=rsa", ErrKey},
	}
	for name, tc := range cases {
		v := &Verifier{Clock: func() time.Time { return now }, LookupTXT: lookupIn(map[string]string{"s._domainkey.example.org": tc.record})}
		found, err := v.Verify(t.Context(), bytes.NewReader(made(t, testKey, tc.changes...)))
		if err != nil || len(found) != 1 {
			t.Errorf("%s: %v, %v", name, found, err)
			continue
		}
		if got := found[0].Err; !errors.Is(got, tc.want) || (got == nil) != (tc.want == nil) {
			t.Errorf("%s: %v, want %v", name, got, tc.want)
		}
	}
}

// TestVerifierTells: a verification has what the signature says.
func TestVerifierTells(t *testing.T) {
	record := "t=y:s; k=ed25519; p=" + base64.StdEncoding.EncodeToString(testKey.Public().(ed25519.PublicKey))
	v := &Verifier{LookupTXT: lookupIn(map[string]string{"s._domainkey.example.org": record})}
	found, err := v.Verify(t.Context(), bytes.NewReader(made(t, testKey, "t=1000", "x=99999999999", "c=simple/relaxed", "h=from : SUBJECT:to")))
	if err != nil || len(found) != 1 || found[0].Err != nil {
		t.Fatal(found, err)
	}
	f := found[0]
	got := fmt.Sprint(f.Domain, f.Selector, f.Identity, f.Algorithm, f.Header, f.Body, f.Fields, f.Signed.Unix(), f.Expires.Unix(), f.Testing)
	if want := "example.orgs@example.orged25519-sha256simple relaxed [from SUBJECT to] 1000 99999999999 true"; got != want {
		t.Errorf("%s\n%s", got, want)
	}
}

// TestVerifierShortKey: a signature with an RSA key that can be computed does not hold.
func TestVerifierShortKey(t *testing.T) {
	t.Setenv("GODEBUG", "rsa1024min=0")
	short, err := rsa.GenerateKey(rand.Reader, 512)
	if err != nil {
		t.Fatal(err)
	}
	v := &Verifier{LookupTXT: lookupIn(map[string]string{"s._domainkey.example.org": Record{Key: &short.PublicKey}.String()})}
	found, err := v.Verify(t.Context(), bytes.NewReader(made(t, short, "a=rsa-sha256")))
	if err != nil || !errors.Is(found[0].Err, ErrKey) {
		t.Errorf("%v, %v", found, err)
	}
}

// TestVerifierLongKey: a record cannot make the verifier compute with a key of any size.
func TestVerifierLongKey(t *testing.T) {
	long := &rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), maxRSA), E: 65537}
	if _, err := ParseRecord(Record{Key: long}.String()); err == nil || !strings.Contains(err.Error(), "8193 bits") {
		t.Errorf("%v", err)
	}
}

// TestVerifierLookup: what the DNS says is in the error, so that a caller can tell what is temporary.
func TestVerifierLookup(t *testing.T) {
	later := errors.New("try again")
	v := &Verifier{LookupTXT: func(context.Context, string) ([]string, error) { return nil, later }}
	found, err := v.Verify(t.Context(), bytes.NewReader(made(t, testKey)))
	if err != nil || !errors.Is(found[0].Err, later) || !errors.Is(found[0].Err, ErrKey) {
		t.Errorf("%v, %v", found, err)
	}
}

// TestVerifierLimits: of many signatures 16 are looked at; without any there is nothing; what is not a
// message is an error.
func TestVerifierLimits(t *testing.T) {
	asked := 0
	v := &Verifier{LookupTXT: func(context.Context, string) ([]string, error) { asked++; return nil, nil }}
	good := made(t, testKey)
	line := good[:bytes.Index(good, crlf)+2]
	found, err := v.Verify(t.Context(), bytes.NewReader(append(bytes.Repeat(line, 100), good...)))
	if err != nil || len(found) != 16 || asked != 16 {
		t.Errorf("%d signatures, %d lookups, %v", len(found), asked, err)
	}
	if found, err := v.Verify(t.Context(), strings.NewReader("From: a@example.org\r\n\r\n")); len(found) > 0 || err != nil {
		t.Errorf("%v, %v", found, err)
	}
	if _, err := v.Verify(t.Context(), strings.NewReader("no field\r\n\r\n")); err == nil {
		t.Error("a message without fields")
	}
	many := append(bytes.Repeat([]byte("A:\r\n"), maxFields), "\r\n"...)
	if _, err := v.Verify(t.Context(), bytes.NewReader(append([]byte("A:\r\n"), many...))); err == nil || !strings.Contains(err.Error(), "more than 10000 header fields") {
		t.Errorf("many fields: %v", err)
	}
	if _, err := v.Verify(t.Context(), bytes.NewReader(many)); err != nil {
		t.Errorf("as many fields as may be: %v", err)
	}
	var distinct strings.Builder
	for i := range maxTags + 2 {
		fmt.Fprintf(&distinct, "a%d=b;", i)
	}
	for name, line := range map[string]string{
		"many names": "v=1; h=From" + strings.Repeat(":a", maxNames), "many tags": distinct.String(),
	} {
		found, err := v.Verify(t.Context(), strings.NewReader("DKIM-Signature: "+line+"\r\nFrom: a@example.org\r\n\r\n"))
		if err != nil || len(found) != 1 || !errors.Is(found[0].Err, ErrMalformed) || !strings.Contains(found[0].Err.Error(), "more than") {
			t.Errorf("%s: %v, %v", name, found, err)
		}
	}
	if _, err := v.Verify(t.Context(), failingSource{}); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("%v", err)
	}
}

type failingSource struct{}

func (failingSource) WriteTo(io.Writer) (int64, error) { return 0, io.ErrUnexpectedEOF }

// TestParseTags is about tag lists that are not what they should be.
func TestParseTags(t *testing.T) {
	for text, ok := range map[string]bool{
		"": true, "a=": true, " a = b c ;\r\n\td=e; ": true, "a_1=b": true, "a=b=c": true, "A=b;a=c": true,
		"a": false, ";": false, "a=b;;c=d": false, "=b": false, "a b=c": false, "1=b": false, "a=b;a=c": false, "\x00=b": false,
	} {
		if _, err := parseTags(text); (err == nil) != ok {
			t.Errorf("%q: %v", text, err)
		}
	}
	list, err := parseTags(" a = b c ;\r\n\td=e")
	if err != nil || len(list) != 2 || list[0].value != "b c" || list[1].name != "d" || list[1].value != "e" {
		t.Errorf("%+v, %v", list, err)
	}
}

// FuzzVerify: no message makes the verifier panic, and none that was not signed passes.
func FuzzVerify(f *testing.F) {
	f.Add([]byte(wire(rfc6376)))
	f.Add([]byte(wire(rfc8463)))
	f.Add([]byte("DKIM-Signature: v=1; a=rsa-sha256; b=; bh=; d=x; h=From; s=y\r\nFrom: a\r\n\r\n"))
	v := &Verifier{LookupTXT: lookupIn(records)}
	f.Fuzz(func(t *testing.T, text []byte) {
		found, err := v.Verify(t.Context(), bytes.NewReader(text))
		if err != nil {
			return
		}
		for _, r := range found {
			if r.Err == nil && !bytes.Contains(bytes.ToLower(text), []byte("suzie")) {
				t.Errorf("%q passes", text)
			}
		}
	})
}

// FuzzParseRecord: what is read of a record is written in a form that is read in the same way.
func FuzzParseRecord(f *testing.F) {
	for _, text := range records {
		f.Add(text)
	}
	f.Add("v=DKIM1; t=s:y; p=")
	f.Fuzz(func(t *testing.T, text string) {
		r, err := ParseRecord(text)
		if err != nil {
			return
		}
		back, err := ParseRecord(r.String())
		if err != nil || back.String() != r.String() {
			t.Errorf("%q became %q, then %q, %v", text, r, back, err)
		}
	})
}

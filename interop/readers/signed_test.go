package readers

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	mathrand "math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"github.com/depeche-mail/depeche/dkim"
	"github.com/depeche-mail/depeche/message"
	"github.com/depeche-mail/depeche/transport"
)

// signing is a signer with both kinds of keys, and its records.
func signing(t *testing.T, forms ...dkim.Canonicalization) (*dkim.Signer, map[string]string) {
	t.Helper()
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	b := dkim.Sign("example.org").Key("r", rsaKey).Key("e", edKey)
	if len(forms) == 2 {
		b = b.Canonicalization(forms[0], forms[1])
	}
	s, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	list, err := s.Records()
	if err != nil {
		t.Fatal(err)
	}
	records := map[string]string{}
	for _, p := range list {
		records[dkim.RecordName(p.Selector, p.Domain)] = p.Record.String()
	}
	return s, records
}

// store writes a mail to a file.
func store(t *testing.T, mail transport.Mail, path string) {
	t.Helper()
	var b bytes.Buffer
	if _, err := mail.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}

// randomMessage is a message of random contents, one of which has no ASCII in it.
func randomMessage(r *mathrand.Rand) message.Builder {
	pick := func(list []string) string { return list[r.IntN(len(list))] }
	b := message.New().From("a@example.org").To("b@example.org").Subject(pick(subjects)).Text(pick(texts))
	if r.IntN(2) == 0 {
		b = b.HTML(pick(texts))
	}
	for range r.IntN(3) {
		data := make([]byte, r.IntN(3000))
		for i := range data {
			data[i] = byte(r.Uint32())
		}
		b = b.Attach(message.FileBytes(pick(fileNames), data))
	}
	if r.IntN(4) == 0 {
		b = b.EightBit()
	}
	if r.IntN(3) == 0 {
		b = b.ListUnsubscribeOneClick("https://example.org/u?" + strings.Repeat("x", r.IntN(200)))
	}
	return b
}

// TestSigned: four verifiers that share no code accept every signature on the messages of TestRoundTrips and on
// random ones, and none on one that was changed.
func TestSigned(t *testing.T) {
	forms := []dkim.Canonicalization{dkim.Relaxed, dkim.Simple}
	count := 0
	r := mathrand.New(mathrand.NewPCG(6376, 8463))
	var list []message.Builder
	for _, tc := range cases(t) {
		list = append(list, tc.builder)
	}
	for len(list) < 2100 {
		list = append(list, randomMessage(r))
	}
	for k := range 4 {
		s, records := signing(t, forms[k%2], forms[k/2])
		v := newVerifiers(t, records)
		dir := t.TempDir()
		var good, bad []string
		for i := k; i < len(list); i += 4 {
			m, err := list[i].Build()
			if err != nil {
				t.Fatal(err)
			}
			mail, err := s.Sign(t.Context(), m)
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(dir, fmt.Sprintf("%04d.eml", i))
			store(t, mail, path)
			good = append(good, path)
			if i%20 < 4 {
				text := read(t, path)
				text[bytes.LastIndexFunc(text, unicode.IsLetter)] ^= 1 // in the body, or in the last field
				path = filepath.Join(dir, fmt.Sprintf("%04d.bad", i))
				if err := os.WriteFile(path, text, 0o600); err != nil {
					t.Fatal(err)
				}
				bad = append(bad, path)
			}
		}
		count += len(good)
		for name, answers := range v.check(t, good) {
			complain(t, name, good, answers, true)
		}
		for name, answers := range v.check(t, bad) {
			complain(t, name, bad, answers, false)
		}
	}
	if count < 2000 {
		t.Errorf("%d messages", count)
	}
	t.Logf("%d messages, 2 signatures each, 4 verifiers", count)
}

// complain says where a verifier found something else.
func complain(t *testing.T, name string, paths []string, answers [][]bool, want bool) {
	t.Helper()
	wrong := 0
	for i, list := range answers {
		ok := len(list) == 2 || !want && len(list) == 0 // a verifier may refuse the message as a whole, such as one without From
		for _, holds := range list {
			ok = ok && holds == want
		}
		if !ok {
			if wrong++; wrong <= 3 {
				t.Errorf("%s: %s: %v, want %v\n%.1500q", name, filepath.Base(paths[i]), list, want, read(t, paths[i]))
			}
		}
	}
	if wrong > 0 {
		t.Errorf("%s: %d of %d are wrong", name, wrong, len(paths))
	}
}

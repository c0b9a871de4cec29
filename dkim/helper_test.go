package dkim_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/depeche-mail/depeche/dkim"
	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport"
)

var (
	rsaKey = sync.OnceValue(func() *rsa.PrivateKey { return must(rsa.GenerateKey(rand.Reader, 2048)) })
	edKey  = ed25519.NewKeyFromSeed([]byte("an Ed25519 seed of 32 octets ..."))
	at     = time.Date(2026, time.March, 4, 5, 6, 7, 0, time.UTC)
)

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func clock() time.Time { return at }

// signer is a signer for example.org with both kinds of keys.
func signer() dkim.Builder {
	return dkim.Sign("example.org").Key("r", rsaKey()).Key("e", edKey).Clock(clock)
}

func build(t testing.TB, b dkim.Builder) *dkim.Signer {
	t.Helper()
	s, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// verifier knows the keys of signer.
func verifier() *dkim.Verifier {
	return &dkim.Verifier{Clock: clock, LookupTXT: published(map[string]crypto.Signer{
		"r._domainkey.example.org": rsaKey(), "e._domainkey.example.org": edKey,
	})}
}

// published is a DNS with the records of these keys.
func published(keys map[string]crypto.Signer) func(context.Context, string) ([]string, error) {
	return func(_ context.Context, name string) ([]string, error) {
		key, ok := keys[name]
		if !ok {
			return nil, fmt.Errorf("no such host: %s", name)
		}
		return []string{must(dkim.NewRecord(key)).String()}, nil
	}
}

func newEnvelope(t testing.TB) envelope.Envelope {
	t.Helper()
	return must(envelope.New(must(envelope.ParseAddress("a@example.org")), must(envelope.ParseAddress("b@example.net"))))
}

func raw(t testing.TB, text string) transport.Mail {
	t.Helper()
	return transport.Raw(newEnvelope(t), []byte(strings.ReplaceAll(text, "\n", "\r\n")))
}

type mailSigner interface {
	Sign(ctx context.Context, mail transport.Mail) (transport.Mail, error)
}

// sign returns the octets of a signed mail.
func sign(t testing.TB, s mailSigner, mail transport.Mail) []byte {
	t.Helper()
	signed, err := s.Sign(t.Context(), mail)
	if err != nil {
		t.Fatal(err)
	}
	return octets(t, signed)
}

func octets(t testing.TB, mail transport.Mail) []byte {
	t.Helper()
	var b bytes.Buffer
	if _, err := mail.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// verify returns the reason why each signature does not hold, "" when it does.
func verify(t testing.TB, v *dkim.Verifier, text []byte) (reasons []string) {
	t.Helper()
	found, err := v.Verify(t.Context(), bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		reason := ""
		if f.Err != nil {
			reason = f.Err.Error()
		}
		reasons = append(reasons, reason)
	}
	return reasons
}

// full has each field that is signed by itself.
const full = `Return-Path: <a@example.org>
Received: from x by y; Wed, 4 Mar 2026 05:06:07 +0000
From: Alice <a@example.org>
Sender: a@example.org
Reply-To: r@example.org
To: b@example.net
Cc: c@example.net
Subject: one
 two  three
Date: Wed, 4 Mar 2026 05:06:07 +0000
Message-ID: <1@example.org>
In-Reply-To: <0@example.org>
References: <0@example.org>
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 7bit
Content-Disposition: inline
Content-ID: <c@example.org>
Content-Description: d
Content-Language: en
List-ID: <l.example.org>
List-Help: <https://example.org/h>
List-Unsubscribe: <https://example.org/u>
List-Unsubscribe-Post: List-Unsubscribe=One-Click
List-Subscribe: <https://example.org/s>
List-Post: NO
List-Owner: <mailto:o@example.org>
List-Archive: <https://example.org/a>
Feedback-ID: 1:2:3:4
Auto-Submitted: auto-generated
Disposition-Notification-To: a@example.org
Autocrypt: addr=a@example.org; keydata=AAAA
OpenPGP: id=1
X-Other: not signed

Be happy!

 Zoe  
`

package dkim_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"fmt"
	"log"
	"strings"
	"time"

	"github.com/depeche-mail/depeche/dkim"
	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/policy"
	"github.com/depeche-mail/depeche/transport/stub"
)

// note is a small mail; programs compose mail with package message.
func note(from string) transport.Mail {
	env, err := envelope.New(must(envelope.ParseAddress(from)), must(envelope.ParseAddress("b@example.net")))
	if err != nil {
		log.Fatal(err)
	}
	return transport.Raw(env, []byte("From: "+from+"\r\nTo: b@example.net\r\nSubject: note\r\n\r\nBe happy!\r\n"))
}

// exampleKey is for examples: each reader of this file can sign with it.
var exampleKey = ed25519.NewKeyFromSeed([]byte("not a secret: it is an example!!"))

func Example() {
	signer, err := dkim.Sign("example.org").Key("2026e", exampleKey).Build()
	if err != nil {
		log.Fatal(err)
	}
	signed, err := signer.Sign(context.Background(), note("app@example.org"))
	if err != nil {
		log.Fatal(err)
	}

	// What a receiver does, with a DNS that has the record of the key.
	records, err := signer.Records()
	if err != nil {
		log.Fatal(err)
	}
	verifier := dkim.Verifier{LookupTXT: func(_ context.Context, name string) ([]string, error) {
		fmt.Println("lookup", name)
		return []string{records[0].Record.String()}, nil
	}}
	found, err := verifier.Verify(context.Background(), signed)
	if err != nil {
		log.Fatal(err)
	}
	for _, v := range found {
		fmt.Println(v.Domain, v.Algorithm, v.Err)
	}
	// Output:
	// lookup 2026e._domainkey.example.org
	// example.org ed25519-sha256 <nil>
}

func ExampleSign() {
	signer, err := dkim.Sign("example.org").
		Key("2026e", exampleKey).
		Expires(10 * 24 * time.Hour).
		Clock(func() time.Time { return time.Date(2026, time.March, 4, 5, 6, 7, 0, time.UTC) }).
		Build()
	if err != nil {
		log.Fatal(err)
	}
	signed, err := signer.Sign(context.Background(), note("app@example.org"))
	if err != nil {
		log.Fatal(err)
	}
	var text bytes.Buffer
	if _, err := signed.WriteTo(&text); err != nil {
		log.Fatal(err)
	}
	fmt.Print(strings.ReplaceAll(text.String(), "\r\n", "\n"))
	// Output:
	// DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed; d=example.org;
	//  s=2026e; t=1772600767; x=1773464767;
	//  h=From:From:To:To:Cc:Subject:Subject:Reply-To;
	//  bh=ujDOgG8RUZxLxl4rZW5r8hZ4LFZh9+ggD6GNZXhm/5w=;
	//  b=Pv30mRTyuZU++TRUEihoCMBhLZSbfgjQmweZdLbdGTlq0lZq8L3ZkQnIC+60iDZDn3+BL10s88i
	//  1ICC2BuUsAw==
	// From: app@example.org
	// To: b@example.net
	// Subject: note
	//
	// Be happy!
}

// Prepare signs each mail on its way to the relay; the example has a stub where programs have one.
func Example_prepare() {
	signer, err := dkim.Sign("example.org").Key("2026e", exampleKey).Build()
	if err != nil {
		log.Fatal(err)
	}
	relay := stub.New()
	sender, err := policy.Prepare{Next: relay, Sign: signer}.Build()
	if err != nil {
		log.Fatal(err)
	}
	if _, err := sender.Send(context.Background(), note("app@example.org")); err != nil {
		log.Fatal(err)
	}
	line, _, _ := bytes.Cut(relay.Messages()[0].Data, []byte("\r\n"))
	fmt.Printf("%s\n", line)

	_, err = sender.Send(context.Background(), note("app@example.com"))
	fmt.Println(err)
	// Output:
	// DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed; d=example.org;
	// send: b@example.net not sent: message: dkim: a From of example.com is not aligned with the domain example.org of the signature, so it would not count for DMARC; sign with a key of example.com, see ByDomain, or allow it by ThirdParty
}

func ExampleByDomain() {
	keys := map[string]crypto.Signer{"example.org": exampleKey}
	signer := dkim.ByDomain(func(_ context.Context, domain string) (*dkim.Signer, error) {
		key, ok := keys[domain]
		if !ok {
			return nil, dkim.ErrNoSigner
		}
		return dkim.Sign(domain).Key("2026e", key).Build() // programs keep what they have built
	})
	for _, from := range []string{"app@example.org", "app@example.com"} {
		_, err := signer.Sign(context.Background(), note(from))
		fmt.Println(from, err)
	}
	// Output:
	// app@example.org <nil>
	// app@example.com dkim: the key of example.com: no key for this domain
}

func ExampleRecord_Zone() {
	record, err := dkim.NewRecord(exampleKey)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(record.Zone("2026e", "example.org"))
	// Output:
	// 2026e._domainkey.example.org. IN TXT ("v=DKIM1; k=ed25519; p=ghrGAmlh7Xf5daW7Kiagl6LrX+ELQMbr2pknYEzkZwQ=")
}

func ExampleVerifier_CheckPublished() {
	signer, err := dkim.Sign("example.org").Key("2026e", exampleKey).Build()
	if err != nil {
		log.Fatal(err)
	}
	verifier := dkim.Verifier{LookupTXT: func(context.Context, string) ([]string, error) { return nil, nil }}
	fmt.Println(verifier.CheckPublished(context.Background(), signer))
	// Output:
	// dkim: there is no usable key in the DNS: 2026e._domainkey.example.org: there is no TXT record
}

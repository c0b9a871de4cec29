package dkim

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Record is what the DNS says of a key (RFC 6376 section 3.6.1).
type Record struct {
	// Key is an *rsa.PublicKey or an ed25519.PublicKey; nil means that the key was revoked.
	Key crypto.PublicKey
	// Testing asks receivers to treat mail as if it was not signed (t=y).
	Testing bool
	// Strict forbids signatures for subdomains of the domain (t=s).
	Strict bool
}

// NewRecord returns the record of a public key, or of the public half of a private one.
func NewRecord(key any) (Record, error) {
	if private, ok := key.(crypto.Signer); ok {
		key = private.Public()
	}
	if _, err := algorithmOf(key); err != nil {
		return Record{}, err
	}
	return Record{Key: key}, nil
}

// RecordName returns the name in the DNS of the record of a selector of a domain.
func RecordName(selector, domain string) string { return selector + "._domainkey." + domain }

// String returns the text of the TXT record. Longer ones than 255 octets are published in several strings:
// see Strings.
func (r Record) String() string {
	tags := []string{"v=DKIM1"}
	switch key := r.Key.(type) {
	case *rsa.PublicKey:
		der, err := x509.MarshalPKIXPublicKey(key)
		if err != nil { // a key without a modulus
			der = nil
		}
		tags = append(tags, "k=rsa", "p="+base64.StdEncoding.EncodeToString(der))
	case ed25519.PublicKey:
		tags = append(tags, "k=ed25519", "p="+base64.StdEncoding.EncodeToString(key)) // RFC 8463 section 4
	default:
		tags = append(tags, "p=")
	}
	var flags []string
	if r.Testing {
		flags = append(flags, "y")
	}
	if r.Strict {
		flags = append(flags, "s")
	}
	if flags != nil {
		tags = slices.Insert(tags, len(tags)-1, "t="+strings.Join(flags, ":"))
	}
	return strings.Join(tags, "; ")
}

// maxString is how many octets a string of a TXT record holds (RFC 1035 section 3.3.14).
const maxString = 255

// Strings returns the text in strings of at most 255 octets, as a TXT record holds them. Receivers put them
// together without anything between them (RFC 6376 section 3.6.2.2).
func (r Record) Strings() []string {
	var list []string
	for part := range slices.Chunk([]byte(r.String()), maxString) {
		list = append(list, string(part))
	}
	return list
}

// Zone returns the record as a line of a zone file.
func (r Record) Zone(selector, domain string) string {
	return fmt.Sprintf(`%s. IN TXT ("%s")`, RecordName(selector, domain), strings.Join(r.Strings(), `" "`))
}

// ParseRecord reads the text of a TXT record.
func ParseRecord(text string) (Record, error) {
	list, err := parseTags(text)
	if err != nil {
		return Record{}, err
	}
	if version, ok := list.get("v"); ok && (version != "DKIM1" || list[0].name != "v") {
		return Record{}, fmt.Errorf("the record begins with v=%q; DKIM1 is expected", short([]byte(version)))
	}
	if hashes, ok := list.get("h"); ok && !slices.Contains(colons(hashes), "sha256") {
		return Record{}, fmt.Errorf("the record allows the hash functions %q, not sha256", short([]byte(hashes)))
	}
	if services, ok := list.get("s"); ok && !slices.ContainsFunc(colons(services), func(s string) bool { return s == "*" || s == "email" }) {
		return Record{}, fmt.Errorf("the record is for %q, not for email", short([]byte(services)))
	}
	var r Record
	if flags, ok := list.get("t"); ok {
		r.Testing, r.Strict = slices.Contains(colons(flags), "y"), slices.Contains(colons(flags), "s")
	}
	kind, ok := list.get("k")
	if !ok {
		kind = "rsa"
	}
	encoded, ok := list.get("p")
	if !ok {
		return Record{}, errors.New("the record has no key: p= is missing")
	}
	if encoded == "" {
		return r, nil
	}
	if r.Key, err = parsePublic(kind, encoded); err != nil {
		return Record{}, err
	}
	_, err = algorithmOf(r.Key)
	return r, err
}

// parsePublic reads the p= tag of a record.
func parsePublic(kind, encoded string) (crypto.PublicKey, error) {
	data, err := decodeBase64(encoded)
	if err != nil {
		return nil, errors.New("the key in p= is not base64")
	}
	switch kind {
	case "ed25519":
		return ed25519.PublicKey(data), nil
	case "rsa":
		if key, err := x509.ParsePKCS1PublicKey(data); err == nil { // RFC 6376 erratum 3017: some publish this form
			return key, nil
		}
		key, err := x509.ParsePKIXPublicKey(data)
		if _, ok := key.(*rsa.PublicKey); err != nil || !ok {
			return nil, errors.New("the key in p= is not an RSA key")
		}
		return key, nil
	}
	return nil, fmt.Errorf("the record is of the kind %q; rsa and ed25519 are known", short([]byte(kind)))
}

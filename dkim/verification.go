package dkim

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Reasons for which a signature does not hold; errors.Is finds them in Verification.Err. What a lookup in the DNS
// returned is in it as well.
var (
	ErrBody      = errors.New("the body is not the one that was signed")
	ErrFields    = errors.New("the signed fields or the signature were changed, or the key is another one")
	ErrKey       = errors.New("there is no usable key in the DNS")
	ErrExpired   = errors.New("the signature is not valid at this time")
	ErrMalformed = errors.New("the signature cannot be read, or is of a kind that is not accepted")
)

// Verification is what is known of one signature of a message.
type Verification struct {
	// Domain and Selector name the key, Identity who in the domain stands by the message.
	Domain, Selector, Identity string
	// Algorithm is "rsa-sha256" or "ed25519-sha256".
	Algorithm string
	// Header and Body are the canonicalizations.
	Header, Body Canonicalization
	// Fields are the names that the signature lists, as it spells them.
	Fields []string
	// Signed and Expires are times that the signature tells; zero means that it does not.
	Signed, Expires time.Time
	// Testing tells that the domain is trying signatures out, so that they should count for nothing.
	Testing bool
	// Err is why the signature does not hold; nil means that it does.
	Err error

	partly         []string // the names of Fields of which there are more than the signature covers
	data, bodyHash []byte
	raw            []byte // the field without the value of b=
	own            body
	sum            hash.Hash
}

// Signs reports whether the signature covers all fields of a name, so that none was changed or added.
func (v *Verification) Signs(name string) bool {
	return listed(v.Fields, name) && !listed(v.partly, name)
}

// count notes of which fields there are more than the signature covers: the others were added, and readers may show
// those (RFC 6376 section 8.15).
func (v *Verification) count(occur map[string]int) {
	covered := map[string]int{}
	for _, name := range v.Fields {
		covered[string(appendLower(nil, []byte(name)))]++
	}
	for name, n := range covered {
		if occur[name] > n {
			v.partly = append(v.partly, name)
		}
	}
}

func (v *Verification) fail(kind error, format string, args ...any) {
	if v.Err == nil {
		v.Err = fmt.Errorf("dkim: %w: %w", kind, fmt.Errorf(format, args...))
	}
}

// parseVerification reads a DKIM-Signature field (RFC 6376 section 3.5).
func parseVerification(f field) *Verification {
	v := &Verification{Header: Simple, Body: Simple} // the default of c=
	list, err := parseTags(string(f.value()))
	if err != nil {
		v.fail(ErrMalformed, "%w", err)
		return v
	}
	for _, t := range list {
		v.take(t)
		if t.name == "b" {
			start := f.colon + 1
			v.raw = slices.Concat(f.raw[:start+t.start], f.raw[start+t.end:])
		}
	}
	for _, name := range []string{"v", "a", "b", "bh", "d", "h", "s"} {
		if value, ok := list.get(name); !ok || value == "" {
			v.fail(ErrMalformed, "%s= is missing", name)
		}
	}
	if !listed(v.Fields, "From") {
		v.fail(ErrMalformed, "From is not signed")
	}
	if v.Identity == "" {
		v.Identity = "@" + v.Domain
	}
	if at := strings.LastIndexByte(v.Identity, '@'); at < 0 || !within(strings.ToLower(v.Identity[at+1:]), v.Domain) {
		v.fail(ErrMalformed, "i=%s is not in the domain %s", short([]byte(v.Identity)), v.Domain)
	}
	if !v.Expires.IsZero() && !v.Signed.IsZero() && !v.Expires.After(v.Signed) {
		v.fail(ErrMalformed, "it ends before it was made")
	}
	return v
}

// take enters one tag. Tags that are not known are left out.
func (v *Verification) take(t tag) {
	var err error
	switch t.name {
	case "v":
		if t.value != "1" {
			err = errors.New("the version is not 1")
		}
	case "a":
		v.Algorithm = t.value
		if t.value != algorithmRSA.a && t.value != algorithmEd25519.a { // rsa-sha1 is refused (RFC 8301 section 3.1)
			err = fmt.Errorf("the algorithm %q is not accepted", short([]byte(t.value)))
		}
	case "b":
		v.data, err = decodeBase64(t.value)
	case "bh":
		v.bodyHash, err = decodeBase64(t.value)
	case "c":
		v.Header, v.Body, err = parseCanonicalizations(t.value)
	case "d":
		v.Domain, err = canonicalDomain(t.value)
	case "s":
		v.Selector = t.value
		if !isName(t.value) {
			err = errors.New("the selector is not a name")
		}
	case "i":
		v.Identity = t.value
	case "h":
		if v.Fields = colons(t.value); len(v.Fields) > maxNames {
			v.Fields, err = nil, fmt.Errorf("more than %d fields", maxNames)
		}
	case "l": // what is after it could be anything (RFC 6376 section 8.2)
		err = errors.New("it covers a part of the body only")
	case "q":
		if !slices.Contains(colons(t.value), "dns/txt") {
			err = errors.New("the key is not in the DNS")
		}
	case "t":
		v.Signed, err = parseTime(t.value)
	case "x":
		v.Expires, err = parseTime(t.value)
	}
	if err != nil {
		v.fail(ErrMalformed, "%s=: %w", t.name, err)
	}
}

func parseTime(value string) (time.Time, error) {
	n, err := strconv.ParseUint(value, 10, 40) // twelve digits are as many as the syntax has
	if err != nil {
		return time.Time{}, errors.New("not a number of seconds")
	}
	return time.Unix(int64(n), 0), nil
}

// parseCanonicalizations reads a c= tag. Simple is the default of the tag and of its second half.
func parseCanonicalizations(value string) (header, body Canonicalization, err error) {
	first, second, _ := strings.Cut(value, "/")
	of := func(name string) Canonicalization {
		switch name {
		case "relaxed":
			return Relaxed
		case "simple", "":
		default:
			err = fmt.Errorf("the canonicalization %q is not known", short([]byte(value)))
		}
		return Simple
	}
	return of(first), of(second), err
}

// begin gets ready for the body.
func (v *Verification) begin() {
	v.sum = sha256.New()
	v.own = body{to: v.sum, form: v.Body}
}

// check compares everything, once the message was read.
func (v *Verification) check(ctx context.Context, fields []field, by *Verifier) {
	if v.Err != nil {
		return
	}
	v.own.end()
	now := by.now()
	switch {
	case !v.Expires.IsZero() && !now.Before(v.Expires):
		v.fail(ErrExpired, "it ended %v", v.Expires.UTC())
	case v.Signed.After(now.Add(skew)):
		v.fail(ErrExpired, "it is from the future, %v", v.Signed.UTC())
	case !bytes.Equal(v.sum.Sum(nil), v.bodyHash):
		v.fail(ErrBody, "the hash in bh= is another one")
	case !v.Signs("From"):
		v.fail(ErrFields, "there are From fields that it does not sign")
	default:
		v.checkFields(ctx, fields, by)
	}
}

// maxNames is how many fields a signature may list.
const maxNames = 1000

// skew is by how much clocks may differ.
const skew = 5 * time.Minute

func (v *Verification) checkFields(ctx context.Context, fields []field, by *Verifier) {
	record, err := by.record(ctx, v.Selector, v.Domain)
	if err != nil {
		v.fail(ErrKey, "%w", err)
		return
	}
	v.Testing = record.Testing
	a, err := algorithmOf(record.Key)
	switch {
	case record.Key == nil:
		v.fail(ErrKey, "it was revoked")
		return
	case err != nil || a.a != v.Algorithm:
		v.fail(ErrKey, "it is for another algorithm than %s", v.Algorithm)
		return
	case record.Strict && !strings.HasSuffix(strings.ToLower(v.Identity), "@"+v.Domain):
		v.fail(ErrKey, "it may not sign for the subdomain in i=%s", short([]byte(v.Identity)))
		return
	}
	canonical := canonicalHeader(fields, v.Fields, v.Header)
	own := newField(v.raw, bytes.IndexByte(v.raw, ':'))
	digest := sha256.Sum256(bytes.TrimSuffix(appendField(canonical, own, v.Header), crlf))
	if !verifies(record.Key, digest[:], v.data) {
		v.fail(ErrFields, "the key %s does not match", RecordName(v.Selector, v.Domain))
	}
}

// verifies reports whether a signature of a digest was made by the key.
func verifies(key crypto.PublicKey, digest, signature []byte) bool {
	switch key := key.(type) {
	case *rsa.PublicKey:
		return rsa.VerifyPKCS1v15(key, crypto.SHA256, digest, signature) == nil
	case ed25519.PublicKey:
		return ed25519.Verify(key, digest, signature)
	}
	return false
}

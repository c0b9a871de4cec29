package dkim

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/depeche-mail/depeche/transport"
)

// Signer signs mail for one domain. It never changes and is safe for concurrent use.
type Signer struct {
	domain        string
	keys          []selected
	guarded       []string // fields that are signed also when they are missing
	present       []string // fields that are signed when they are there
	header, body  Canonicalization
	identity      string
	lifetime      time.Duration
	thirdParty    bool
	shortRSA      bool
	maxSignatures int // of a mail; 0 means no limit
	now           func() time.Time
}

// selected is a key and its name.
type selected struct {
	selector string
	source   source
}

// Domain returns the domain for which the signer signs, as A-labels in lower case.
func (s *Signer) Domain() string { return s.domain }

// Sign returns mail with one signature for each key. It reads mail once, and the mail that it returns reads it
// again for each WriteTo, which fails with [ErrChanged] when the octets differ: then nothing of it may be
// delivered. A signed mail knows its size and whether it needs 8BITMIME and SMTPUTF8.
//
// A mail is refused that receivers would not read as it was signed: without From or with two of them, with
// a From of another domain (see [Builder.ThirdParty]), or with a bare CR or LF in it. Signing takes about
// 40 µs with Ed25519 and a millisecond with RSA of 2,048 bits.
func (s *Signer) Sign(ctx context.Context, mail transport.Mail) (transport.Mail, error) {
	return sign(ctx, mail, func([]field) (*Signer, error) { return s, nil })
}

// ForRelay returns the step that signs for a relay that has rules of its own: the fields that it changes are
// left out. More keys than signatures are allowed, or a relay that changes From, is an error. policy.Prepare
// calls it.
func (s *Signer) ForRelay(rules transport.SignatureRules) (func(context.Context, transport.Mail) ([]transport.Mail, error), error) {
	fitted, err := s.fit(rules)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, mail transport.Mail) ([]transport.Mail, error) {
		return only(fitted.Sign(ctx, mail))
	}, nil
}

// only makes the result of a step of the result of Sign.
func only(mail transport.Mail, err error) ([]transport.Mail, error) {
	if err != nil {
		return nil, err
	}
	return []transport.Mail{mail}, nil
}

// fit returns the signer for a relay with these rules.
func (s *Signer) fit(rules transport.SignatureRules) (*Signer, error) {
	if rules.Max > 0 && len(s.keys) > rules.Max {
		return nil, fmt.Errorf("dkim: %d keys for %s, but the relay takes only %d DKIM-Signature fields in a mail; keep the RSA key",
			len(s.keys), s.domain, rules.Max)
	}
	if listed(rules.Rewrites, "From") {
		return nil, errors.New("dkim: the relay changes From, so no signature can last")
	}
	fitted := *s
	fitted.maxSignatures = rules.Max
	fitted.guarded, fitted.present = without(s.guarded, rules.Rewrites), without(s.present, rules.Rewrites)
	return &fitted, nil
}

// algorithm returns how a key signs, or why it must not. Key files are checked each time, because they change.
func (s *Signer) algorithm(key crypto.Signer) (algorithm, error) {
	public := key.Public()
	if public, ok := public.(*rsa.PublicKey); ok && public.N.BitLen() < goodRSA && public.N.BitLen() >= minRSA && !s.shortRSA {
		return algorithm{}, fmt.Errorf("an RSA key of %d bits can be broken; make one of %d, or use DangerousShortRSA (RFC 8301 section 3.2)",
			public.N.BitLen(), goodRSA)
	}
	return algorithmOf(public)
}

// fields returns the signature fields of a message, in the order of the keys.
func (s *Signer) fields(header []field, bodyHash []byte) ([]byte, error) {
	if had := count(header, fieldName); s.maxSignatures > 0 && had+len(s.keys) > s.maxSignatures {
		return nil, fmt.Errorf("the mail has %d DKIM-Signature fields, and the relay takes only %d", had, s.maxSignatures)
	}
	names := selection(header, s.guarded, s.present)
	canonical := canonicalHeader(header, names, s.header)
	var out []byte
	for i, k := range s.keys {
		key, err := k.source.key()
		if err != nil {
			return nil, fmt.Errorf("key %s: %w", k.selector, err)
		}
		a, err := s.algorithm(key)
		if err != nil {
			return nil, fmt.Errorf("key %s: %w", k.selector, err)
		}
		l := s.unsigned(a, k.selector, names, bodyHash)
		own := newField(l.dst, len(fieldName))
		digest := sha256.Sum256(bytes.TrimSuffix(appendField(canonical[:len(canonical):len(canonical)], own, s.header), crlf))
		signature, err := key.Sign(nil, digest[:], a.opts)
		if err != nil {
			return nil, fmt.Errorf("key %s: %w", k.selector, err)
		}
		l.data(signature)
		if i == 0 && len(s.keys) == 1 {
			return append(l.dst, crlf...), nil
		}
		out = append(append(out, l.dst...), crlf...)
	}
	return out, nil
}

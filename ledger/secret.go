package ledger

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"

	"github.com/depeche-mail/depeche/envelope"
)

// Secret stands between the addresses of mail and what a store keeps of them, which are HMACs (SHA-256) with it: of the recipient, and of the
// digest, which else would tell whether a guess of sender, recipient and fingerprint is right. Its zero value has an empty key, which
// hides nothing.
type Secret struct {
	sum func(kind, text string) []byte // a function, so that no print of a store shows the key
}

// checkPrefix marks what is kept of a secret that is the caller's: the store has a hash of it only.
const checkPrefix = "check "

// NewSecret makes what a new store keeps of its secret: of the caller's no more than what recognises it, and without one a random secret,
// with which a person who has the store can try addresses.
func NewSecret(callers []byte) (kept []byte, err error) {
	if len(callers) > 0 {
		return append([]byte(checkPrefix), secretOf(callers).mac("", "check")...), nil
	}
	kept = make([]byte, sha256.Size)
	_, err = rand.Read(kept)
	return kept, err
}

// ReadSecret returns the secret of a store from what it keeps and what the caller gave. The error is [ErrSecret].
func ReadSecret(kept, callers []byte) (Secret, error) {
	check, isCallers := bytes.CutPrefix(kept, []byte(checkPrefix))
	if isCallers != (len(callers) > 0) || isCallers && !hmac.Equal(check, secretOf(callers).mac("", "check")) {
		return Secret{}, ErrSecret
	}
	if isCallers {
		return secretOf(callers), nil
	}
	return secretOf(kept), nil
}

func secretOf(key []byte) Secret {
	key = bytes.Clone(key)
	return Secret{func(kind, text string) []byte {
		h := hmac.New(sha256.New, key)
		h.Write([]byte(kind + text))
		return h.Sum(nil)
	}}
}

func (s Secret) mac(kind, text string) []byte {
	if s.sum == nil {
		s = secretOf(nil)
	}
	return s.sum(kind, text)
}

// Recipient returns what is kept of an address, 16 octets.
func (s Secret) Recipient(to envelope.Address) []byte {
	const size = 16
	return s.mac("", to.String())[:size]
}

// Digest returns what is kept of a digest.
func (s Secret) Digest(d Digest) Digest { return Digest(s.mac("digest\x00", string(d[:]))) }

// Claim returns the claim as [Rules.Claim] compares it with what is kept.
func (s Secret) Claim(c Claim) Claim {
	c.Digest = s.Digest(c.Digest)
	return c
}

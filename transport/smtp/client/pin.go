package client

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"strings"
)

// Pin is the SHA-256 of the public key of a certificate, in the form in which certificates hold it
// (SubjectPublicKeyInfo, RFC 7469 section 2.4). It survives a renewal that keeps the key.
type Pin [sha256.Size]byte

// PinOf returns the pin of a certificate.
func PinOf(cert *x509.Certificate) Pin { return sha256.Sum256(cert.RawSubjectPublicKeyInfo) }

var errPin = errors.New("want the SHA-256 of a public key, in base64 or hexadecimal")

// ParsePin reads what String returns, and the base64 or hexadecimal digits alone.
func ParsePin(text string) (Pin, error) {
	digits, _ := strings.CutPrefix(text, pinPrefix)
	raw, err := base64.StdEncoding.DecodeString(digits)
	if err != nil || len(raw) != len(Pin{}) {
		raw, err = hex.DecodeString(strings.ReplaceAll(digits, ":", ""))
	}
	if err != nil || len(raw) != len(Pin{}) {
		return Pin{}, errPin
	}
	return Pin(raw), nil
}

const pinPrefix = "sha256/"

// String returns the pin in the form "sha256/" and base64.
func (p Pin) String() string { return pinPrefix + base64.StdEncoding.EncodeToString(p[:]) }

package dkim

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
)

// Sizes of RSA keys in bits. Verifiers refuse keys below 1,024, and signers should use 2,048 at least. Verifiers
// need to check up to 4,096 (RFC 8301 section 3.2); how long a check takes grows with the square of the size.
const (
	minRSA  = 1024
	goodRSA = 2048
	maxRSA  = 8192
)

// algorithm is what the a= and the k= tag call a kind of key.
type algorithm struct {
	a, k string
	opts crypto.Hash // what a crypto.Signer wants to know
}

var (
	algorithmRSA     = algorithm{"rsa-sha256", "rsa", crypto.SHA256}
	algorithmEd25519 = algorithm{"ed25519-sha256", "ed25519", crypto.Hash(0)} // RFC 8463 section 3: it signs the hash as it is
)

// algorithmOf returns the algorithm of a public key, or why none is for it.
func algorithmOf(public crypto.PublicKey) (algorithm, error) {
	switch key := public.(type) {
	case *rsa.PublicKey:
		if bits := key.N.BitLen(); bits < minRSA {
			return algorithm{}, fmt.Errorf("an RSA key of %d bits is refused everywhere; make one of %d", bits, goodRSA)
		}
		if bits := key.N.BitLen(); bits > maxRSA {
			return algorithm{}, fmt.Errorf("an RSA key of %d bits; more than %d are not accepted, because receivers need not check them", bits, maxRSA)
		}
		return algorithmRSA, nil
	case ed25519.PublicKey:
		if len(key) != ed25519.PublicKeySize {
			return algorithm{}, fmt.Errorf("an Ed25519 key of %d octets; it has %d", len(key), ed25519.PublicKeySize)
		}
		return algorithmEd25519, nil
	}
	return algorithm{}, fmt.Errorf("DKIM has no algorithm for a %T; use an *rsa.PublicKey of %d bits or an ed25519.PublicKey", public, goodRSA)
}

// ParseKey reads a private key: PEM with PKCS #8 or PKCS #1 in it, RSA or Ed25519, or the 32 octets of an
// Ed25519 seed in base64 alone, as dkimpy writes them. A key with a passphrase must be decrypted first.
func ParseKey(data []byte) (crypto.Signer, error) {
	block, _ := pem.Decode(data)
	if block == nil {
		seed, err := base64.StdEncoding.DecodeString(string(bytes.TrimSpace(data)))
		if err != nil || len(seed) != ed25519.SeedSize {
			return nil, errors.New("a private key in PEM is needed, such as openssl genpkey writes")
		}
		return ed25519.NewKeyFromSeed(seed), nil
	}
	var key any
	var err error
	switch block.Type {
	case "PRIVATE KEY":
		key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	case "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	default:
		return nil, fmt.Errorf("a PEM block %q; a PRIVATE KEY without a passphrase is needed", short([]byte(block.Type)))
	}
	if err != nil {
		return nil, errors.New("the private key cannot be read: its PEM block is damaged") // not the cause: it may quote the key
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("a %T cannot sign; use an RSA or an Ed25519 key", key)
	}
	if _, err := algorithmOf(signer.Public()); err != nil {
		return nil, err
	}
	return signer, nil
}

// sameKey compares two public keys.
func sameKey(a, b crypto.PublicKey) bool {
	key, ok := a.(interface {
		Equal(other crypto.PublicKey) bool
	})
	return ok && key.Equal(b)
}

// source gives the key of one selector.
type source interface {
	key() (crypto.Signer, error)
}

// fixed is a key that the caller gave.
type fixed struct{ signer crypto.Signer }

func (f fixed) key() (crypto.Signer, error) { return f.signer, nil }

// file is a key in a file, which is read again when the file has changed.
type file struct {
	path string

	mu     sync.Mutex
	info   fs.FileInfo
	signer crypto.Signer
}

func (f *file) key() (crypto.Signer, error) {
	info, err := os.Stat(f.path)
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.info != nil && os.SameFile(info, f.info) && info.ModTime().Equal(f.info.ModTime()) && info.Size() == f.info.Size() {
		return f.signer, nil
	}
	data, err := os.ReadFile(f.path)
	if err != nil {
		return nil, err
	}
	signer, err := ParseKey(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.path, err)
	}
	f.info, f.signer = info, signer
	return signer, nil
}

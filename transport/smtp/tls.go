package smtp

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"slices"

	"github.com/depeche-mail/depeche/transport/smtp/client"
)

// security is what the steps say about TLS beside TLSConfig, so that their order does not matter.
type security struct {
	roots           [][]byte // PEM
	rootFiles       []string // paths, or PEM
	certificates    []tls.Certificate
	certificateFile string
	keyFile         string
	trusted         []client.Pin // of TrustedKeys
	skipVerify      bool
	minVersion      uint16
	steps           []*FieldError // for each step that needs TLS: what to say where there is none
}

func (s security) clone() security {
	s.roots, s.certificates, s.steps = slices.Clone(s.roots), slices.Clone(s.certificates), slices.Clone(s.steps)
	s.rootFiles, s.trusted = slices.Clone(s.rootFiles), slices.Clone(s.trusted)
	return s
}

// TLSConfig adds to the settings of TLS: roots, client certificates, a server name that differs from
// the host. It is cloned; nil stands for none. The minimum stays TLS 1.2, and the certificate is verified:
// InsecureSkipVerify is an error, see [Builder.DangerousSkipVerify].
func (b Builder) TLSConfig(config *tls.Config) Builder {
	return b.step(func(s *state) {
		s.config.TLSConfig = config.Clone()
		if config != nil {
			s.security.requireTLS("TLSConfig")
		}
	})
}

// ServerName is the name that the certificate must have, where that is not the host. "" leaves it as it is.
func (b Builder) ServerName(name string) Builder {
	if name == "" {
		return b.step(func(*state) {})
	}
	return b.tlsStep("ServerName", func(s *state) { s.config.ServerName = name })
}

// ExtraRoots trusts the certificates in PEM text besides those that TLSConfig or the system trust: for
// a relay with a certificate of a private authority, or one that it signed itself. The name still has
// to be right.
func (b Builder) ExtraRoots(pem []byte) Builder {
	return b.tlsStep("ExtraRoots", func(s *state) {
		if err := s.security.addRoots(slices.Clone(pem)); err != nil {
			s.fault("ExtraRoots", "", err)
		}
	})
}

func (s *security) addRoots(pem []byte) error {
	if !x509.NewCertPool().AppendCertsFromPEM(pem) {
		return errors.New("no certificate in PEM form in it")
	}
	s.roots = append(s.roots, pem)
	return nil
}

// ClientCertificate is what we show to a relay that asks for a certificate.
func (b Builder) ClientCertificate(certificate tls.Certificate) Builder {
	return b.tlsStep("ClientCertificate", func(s *state) {
		if len(certificate.Certificate) == 0 || certificate.PrivateKey == nil {
			s.fault("ClientCertificate", "", errors.New("want a certificate with its private key"))
		}
		s.security.certificates = append(s.security.certificates, certificate)
	})
}

// MinVersion is the least version of TLS, tls.VersionTLS12 or tls.VersionTLS13. The default is 1.2, and so is 0.
func (b Builder) MinVersion(version uint16) Builder {
	if version == 0 {
		return b.step(func(s *state) { s.security.minVersion = 0 })
	}
	return b.tlsStep("MinVersion", func(s *state) {
		if version < tls.VersionTLS12 || version > tls.VersionTLS13 {
			s.fault("MinVersion", tls.VersionName(version), errors.New("want TLS 1.2 or 1.3"))
		}
		s.security.minVersion = version
	})
}

// DangerousMinVersion allows TLS 1.0 or 1.1 too, for a server that cannot be changed. Both are broken
// (RFC 8996): an attacker on the way may get at the password. 0 is the default, TLS 1.2.
func (b Builder) DangerousMinVersion(version uint16) Builder {
	if version == 0 {
		return b.step(func(s *state) { s.config.DangerousMinVersion = 0 })
	}
	return b.tlsStep("DangerousMinVersion", func(s *state) {
		if version < tls.VersionTLS10 || version > tls.VersionTLS13 {
			s.fault("DangerousMinVersion", tls.VersionName(version), errors.New("want TLS 1.0 to 1.3"))
		}
		s.config.DangerousMinVersion = version
	})
}

// PinnedKeys accepts only a relay that has one of these keys in a certificate, or in one of its
// issuers', which has to be valid besides. A key is given by the SHA-256 of its SubjectPublicKeyInfo in
// base64 or hexadecimal; the error of a connection without it shows what the relay has.
func (b Builder) PinnedKeys(keys ...string) Builder {
	return b.tlsStep("PinnedKeys", func(s *state) { s.readPins("PinnedKeys", &s.config.Pins, keys) })
}

// TrustedKeys accepts only a relay that shows one of these keys, and asks nothing else of its certificate: neither
// who signed it, nor for which name and until when it is valid. It is for a relay with a certificate of its own
// making, whose key is known. Keys are given as for [Builder.PinnedKeys], of which it is the stronger sister: with it
// roots, those of a TLSConfig too, and pins are errors, because they would not count. Where a certificate of roots of your own
// and a key are wanted, both, that is PinnedKeys.
func (b Builder) TrustedKeys(keys ...string) Builder {
	return b.tlsStep("TrustedKeys", func(s *state) { s.readPins("TrustedKeys", &s.security.trusted, keys) })
}

// DangerousSkipVerify verifies no certificate: every attacker on the way can be the relay, read the mail and the
// password, and change what is sent. [Builder.TrustedKeys] and [Builder.ExtraRoots] trust a relay that signed its
// own certificate, without that danger. Pins still count, for the key of the relay itself.
func (b Builder) DangerousSkipVerify() Builder {
	return b.tlsStep("DangerousSkipVerify", func(s *state) { s.security.skipVerify = true })
}

// readPins reads the keys of a step.
func (s *state) readPins(step string, to *[]client.Pin, keys []string) {
	for i, key := range keys {
		if err := addPin(to, key); err != nil {
			s.errs = append(s.errs, &FieldError{Field: step, Index: i, Value: key, Err: err})
		}
	}
	if len(keys) == 0 {
		s.fault(step, "", errors.New("want at least one key"))
	}
}

func addPin(to *[]client.Pin, text string) error {
	pin, err := client.ParsePin(text)
	*to = append(*to, pin)
	return err
}

func pinTexts(pins []client.Pin) (list []string) {
	for _, pin := range pins {
		list = append(list, pin.String())
	}
	return list
}

// VerifyConnection may refuse a relay whose certificate is valid. It runs after all other checks, and
// cannot make up for one that failed. It is called from several goroutines.
func (b Builder) VerifyConnection(verify func(tls.ConnectionState) error) Builder {
	return b.tlsStep("VerifyConnection", func(s *state) {
		if verify == nil {
			s.fault("VerifyConnection", "", errors.New("want a function"))
		}
		s.config.VerifyConnection = verify
	})
}

// tlsStep is a step that is an error without TLS.
func (b Builder) tlsStep(name string, change func(*state)) Builder {
	return b.step(func(s *state) {
		s.security.requireTLS(name)
		change(s)
	})
}

var errNoTLS = errors.New("there is no TLS; use Relay or StartTLSRelay, or in a URL smtps:// or smtp+starttls://")

func (s *security) requireTLS(step string) {
	s.steps = append(s.steps, &FieldError{Field: step, Err: errNoTLS})
}

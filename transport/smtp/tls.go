package smtp

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"

	"github.com/depeche-mail/depeche/transport/smtp/client"
)

// security is what the steps say about TLS beside TLSConfig, so that their order does not matter.
type security struct {
	roots        [][]byte // PEM
	certificates []tls.Certificate
	minVersion   uint16
	steps        []FieldError // for each step that needs TLS: what to say where there is none
}

func (s security) clone() security {
	s.roots, s.certificates, s.steps = slices.Clone(s.roots), slices.Clone(s.certificates), slices.Clone(s.steps)
	return s
}

// TLSConfig adds to the settings of TLS: roots, client certificates, a server name that differs from
// the host. It is cloned. The minimum stays TLS 1.2.
func (b Builder) TLSConfig(config *tls.Config) Builder {
	return b.step(func(s *state) { s.config.TLSConfig = config.Clone() })
}

// ExtraRoots trusts the certificates in PEM text besides those that TLSConfig or the system trust: for
// a relay with a certificate of a private authority, or one that it signed itself. The name still has
// to be right.
func (b Builder) ExtraRoots(pem []byte) Builder {
	return b.secure("ExtraRoots", func(s *state) {
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
	return b.secure("ClientCertificate", func(s *state) {
		if len(certificate.Certificate) == 0 || certificate.PrivateKey == nil {
			s.fault("ClientCertificate", "", errors.New("want a certificate with its private key"))
		}
		s.security.certificates = append(s.security.certificates, certificate)
	})
}

// MinVersion is the least version of TLS, tls.VersionTLS12 or tls.VersionTLS13. The default is 1.2.
func (b Builder) MinVersion(version uint16) Builder {
	return b.secure("MinVersion", func(s *state) {
		if version < tls.VersionTLS12 || version > tls.VersionTLS13 {
			s.fault("MinVersion", tls.VersionName(version), errors.New("want TLS 1.2 or 1.3"))
		}
		s.security.minVersion = version
	})
}

// DangerousMinVersion allows TLS 1.0 or 1.1 too, for a server that cannot be changed. Both are broken
// (RFC 8996): who is on the way may get at the password.
func (b Builder) DangerousMinVersion(version uint16) Builder {
	return b.secure("DangerousMinVersion", func(s *state) {
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
	return b.secure("PinnedKeys", func(s *state) {
		for i, key := range keys {
			pin, err := client.ParsePin(key)
			if err != nil {
				s.faults = append(s.faults, &FieldError{Field: "PinnedKeys", Index: i, Value: key, Err: err})
			}
			s.config.Pins = append(s.config.Pins, pin)
		}
		if len(keys) == 0 {
			s.fault("PinnedKeys", "", errors.New("want at least one key"))
		}
	})
}

// VerifyConnection may refuse a relay whose certificate is valid. It runs after all other checks, and
// cannot make up for one that failed. It is called from several goroutines.
func (b Builder) VerifyConnection(verify func(tls.ConnectionState) error) Builder {
	return b.secure("VerifyConnection", func(s *state) {
		if verify == nil {
			s.fault("VerifyConnection", "", errors.New("want a function"))
		}
		s.config.VerifyConnection = verify
	})
}

// secure is a step that makes no sense without TLS.
func (b Builder) secure(name string, change func(*state)) Builder {
	return b.step(func(s *state) {
		s.security.need(name, "")
		change(s)
	})
}

var errNoTLS = errors.New("there is no TLS; use Relay or StartTLSRelay")

func (s *security) need(field, value string) {
	s.steps = append(s.steps, FieldError{Field: field, Value: value, Err: errNoTLS})
}

// checkTLS makes the settings of TLS from what was collected.
func (s *state) checkTLS() {
	if s.config.TLS == client.TLSNone {
		for i := range s.security.steps {
			s.faults = append(s.faults, &s.security.steps[i])
		}
		return
	}
	config := &tls.Config{}
	if s.config.TLSConfig != nil {
		config = s.config.TLSConfig
	}
	config.MinVersion = max(config.MinVersion, s.security.minVersion)
	config.Certificates = append(slices.Clip(config.Certificates), s.security.certificates...)
	if err := addRoots(config, s.security.roots); err != nil {
		s.fault("ExtraRoots", "", err)
	}
	if config.ClientSessionCache == nil {
		// Shared by the connections of the pool; one relay has one entry.
		config.ClientSessionCache = tls.NewLRUClientSessionCache(1)
	}
	least := max(config.MinVersion, s.config.DangerousMinVersion)
	if s.config.DangerousMinVersion == 0 {
		least = max(least, tls.VersionTLS12)
	}
	if most := config.MaxVersion; most != 0 && most < least {
		s.fault("TLSConfig.MaxVersion", tls.VersionName(most), fmt.Errorf("below the minimum, %s", tls.VersionName(least)))
	}
	s.config.TLSConfig = config
}

func addRoots(config *tls.Config, roots [][]byte) error {
	if len(roots) == 0 {
		return nil
	}
	if config.RootCAs != nil {
		config.RootCAs = config.RootCAs.Clone()
	} else {
		system, err := x509.SystemCertPool()
		if err != nil {
			return fmt.Errorf("the roots of the system: %w", err)
		}
		config.RootCAs = system
	}
	for _, pem := range roots {
		config.RootCAs.AppendCertsFromPEM(pem) // the step has seen that it can
	}
	return nil
}

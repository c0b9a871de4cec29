package smtp

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/depeche-mail/depeche/transport/smtp/client"
)

// checkTLS makes the settings of TLS from what was collected.
func (s *state) checkTLS() {
	if s.config.TLS == client.TLSNone {
		for _, step := range s.security.steps {
			s.errs = append(s.errs, step)
		}
		return
	}
	s.readTLSFiles()
	config := &tls.Config{}
	if s.config.TLSConfig != nil {
		config = s.config.TLSConfig
	}
	s.checkTLSConfig(config)
	s.checkTrusted()
	config.MinVersion = max(config.MinVersion, s.security.minVersion)
	config.Certificates = append(slices.Clip(config.Certificates), s.security.certificates...)
	if err := addRoots(config, s.security.roots); err != nil {
		s.fault("ExtraRoots", "", err)
	}
	if config.ClientSessionCache == nil {
		// Shared by the connections of the pool; one relay has one entry.
		config.ClientSessionCache = tls.NewLRUClientSessionCache(1)
	}
	config.InsecureSkipVerify = s.security.skipVerify || len(s.security.trusted) > 0
	s.config.TLSConfig = config
}

// Errors of settings of TLS that contradict each other.
var (
	errSkipVerify = errors.New("DangerousSkipVerify is the step for it; TrustedKeys or ExtraRoots trust a relay that signed its own certificate")
	errOldTLS     = errors.New("below TLS 1.2; DangerousMinVersion is the step for it")
	errTwoMinima  = errors.New("DangerousMinVersion says another minimum; want one of them")
	errTrusted    = errors.New("does not count beside TrustedKeys, which asks nothing but the key; want one of them")
)

// checkTLSConfig refuses in TLSConfig what has a step of its own or contradicts one.
func (s *state) checkTLSConfig(config *tls.Config) {
	dangerous := s.config.DangerousMinVersion
	if config.InsecureSkipVerify {
		s.fault("TLSConfig.InsecureSkipVerify", "true", errSkipVerify)
	}
	switch least := config.MinVersion; {
	case least == 0:
	case dangerous != 0 && least != dangerous:
		s.fault("TLSConfig.MinVersion", tls.VersionName(least), errTwoMinima)
	case dangerous == 0 && least < tls.VersionTLS12:
		s.fault("TLSConfig.MinVersion", tls.VersionName(least), errOldTLS)
	}
	if dangerous != 0 && s.security.minVersion > dangerous {
		s.fault("MinVersion", tls.VersionName(s.security.minVersion), errTwoMinima)
	}
	least := max(config.MinVersion, s.security.minVersion, dangerous)
	if dangerous == 0 {
		least = max(least, tls.VersionTLS12)
	}
	if most := config.MaxVersion; most != 0 && most < least {
		s.fault("TLSConfig.MaxVersion", tls.VersionName(most), fmt.Errorf("below the minimum, %s", tls.VersionName(least)))
	}
}

// checkTrusted makes the trusted keys the only thing that counts.
func (s *state) checkTrusted() {
	if len(s.security.trusted) == 0 {
		return
	}
	if len(s.config.Pins) > 0 {
		s.fault("PinnedKeys", "", errTrusted)
	}
	if len(s.security.roots) > 0 {
		s.fault("ExtraRoots", "", errTrusted)
	}
	if s.config.TLSConfig != nil && s.config.TLSConfig.RootCAs != nil {
		s.fault("TLSConfig.RootCAs", "", errTrusted)
	}
	s.config.Pins = s.security.trusted
}

// readTLSFiles reads the files that a URL or a Config names.
func (s *state) readTLSFiles() {
	for _, file := range s.security.rootFiles {
		pem, err := pemOf(file)
		if err == nil {
			err = s.security.addRoots(pem)
		}
		if err != nil {
			s.errs = append(s.errs, s.keyFault("tls_roots", err))
		}
	}
	certificate, key := s.security.certificateFile, s.security.keyFile
	if certificate == "" {
		if key != "" {
			s.errs = append(s.errs, s.keyFault("tls_key", errors.New("want tls_certificate too")))
		}
		return
	}
	if key == "" {
		key = certificate
	}
	pair, err := keyPair(certificate, key)
	if err != nil {
		s.errs = append(s.errs, s.keyFault("tls_certificate", err))
		return
	}
	s.security.certificates = append(s.security.certificates, pair)
}

// keyPair reads a certificate and its key. Errors of crypto/tls do not quote either.
func keyPair(certificate, key string) (pair tls.Certificate, err error) {
	if strings.Contains(certificate+key, "-----BEGIN ") {
		return pair, errWantPath // a key itself must not be quoted
	}
	public, err := readSmall(certificate)
	if err != nil {
		return pair, err
	}
	private, err := readSmall(key)
	if err != nil {
		return pair, err
	}
	return tls.X509KeyPair(public, private)
}

// pemOf returns a value that is PEM text itself, or the file that it names.
func pemOf(value string) ([]byte, error) {
	if strings.HasPrefix(strings.TrimSpace(value), "-----BEGIN ") {
		return []byte(value), nil
	}
	return readSmall(value)
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

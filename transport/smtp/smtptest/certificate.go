package smtptest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"net"
	"time"
)

// Certificate is the kind of certificate that a server shows.
type Certificate uint8

// The kinds of certificates. All but the first must make a careful client say nothing.
const (
	Trusted        Certificate = iota // signed by the authority in [Server.CertPool], for the right names
	Expired                           // since an hour
	NotYetValid                       // in an hour
	WrongName                         // for other.example alone
	SelfSigned                        // its own authority
	UnknownCA                         // signed by an authority that is not in the pool
	CommonNameOnly                    // the name is in the subject, which RFC 9525 section 2 forbids to look at
	ClientAuthOnly                    // not for servers, by its extended key usage
)

// authority is a certificate authority of one server, so that no test trusts another's.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	// lifetime is how long it and its certificates are valid from now.
	lifetime time.Duration
}

func newAuthority(lifetime time.Duration) (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "smtptest authority"},
		NotBefore:             time.Now().Add(-24 * time.Hour),
		NotAfter:              time.Now().Add(lifetime),
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	return &authority{cert: cert, key: key, lifetime: lifetime}, err
}

// issue makes a certificate of one kind.
func (a *authority) issue(kind Certificate, names []string) (tls.Certificate, error) {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2),
		NotBefore:    time.Now().Add(-2 * time.Hour),
		NotAfter:     time.Now().Add(a.lifetime),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	parent, signer := a.cert, a.key
	switch kind {
	case Trusted:
	case Expired:
		template.NotAfter = time.Now().Add(-time.Hour)
	case NotYetValid:
		template.NotBefore = time.Now().Add(time.Hour)
	case WrongName:
		template.DNSNames, template.IPAddresses = []string{"other.example"}, nil
	case SelfSigned:
		parent, signer = template, key
	case UnknownCA:
		other, err := newAuthority(a.lifetime)
		if err != nil {
			return tls.Certificate{}, err
		}
		parent, signer = other.cert, other.key
	case CommonNameOnly:
		if len(names) > 0 {
			template.Subject.CommonName = names[0]
		}
		template.DNSNames, template.IPAddresses = nil, nil
	case ClientAuthOnly:
		template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	default:
		return tls.Certificate{}, errors.New("smtptest: unknown kind of certificate")
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}

// serverTLS completes the template of the configuration.
func (a *authority) serverTLS(c *Config) (*tls.Config, error) {
	out := &tls.Config{}
	if c.TLS != nil {
		out = c.TLS.Clone()
	}
	if len(out.Certificates) > 0 || out.GetCertificate != nil {
		return out, nil
	}
	cert, err := a.issue(c.Certificate, c.CertificateNames)
	if err != nil {
		return nil, err
	}
	out.Certificates = []tls.Certificate{cert}
	return out, nil
}

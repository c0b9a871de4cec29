package diagnose

import (
	"crypto/tls"
	"crypto/x509"
	"slices"

	"github.com/depeche-mail/depeche/transport/smtp/client"
)

func newTLSReport(state *tls.ConnectionState) *TLSReport {
	r := &TLSReport{Version: tls.VersionName(state.Version), CipherSuite: tls.CipherSuiteName(state.CipherSuite)}
	if len(state.PeerCertificates) > 0 {
		r.read(state.PeerCertificates[0])
	}
	return r
}

func (r *TLSReport) read(cert *x509.Certificate) {
	r.Names = slices.Clone((&client.TLSError{Certificate: cert}).Names())
	r.Issuer = cert.Issuer.String()
	r.NotBefore, r.NotAfter = cert.NotBefore, cert.NotAfter
	r.Pin = client.PinOf(cert)
}

package smtptest

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"maps"
	"net"
	"net/url"
	"slices"
	"strconv"
)

// Addr returns host and port, or the path of the socket.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// Host returns the address without the port.
func (s *Server) Host() string {
	host, _, err := net.SplitHostPort(s.Addr())
	if err != nil {
		return s.Addr()
	}
	return host
}

// Port returns the port as a number, 0 for a socket.
func (s *Server) Port() int {
	_, text, err := net.SplitHostPort(s.Addr())
	if err != nil {
		return 0
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		return 0
	}
	return port
}

// URL returns the scheme that fits (smtps, smtp+starttls, smtp, lmtps, lmtp+starttls, lmtp), host and port, without a
// user. Over a Unix socket it is smtp+unix or lmtp+unix and the path.
func (s *Server) URL() string { return s.url(nil) }

// UserURL is [Server.URL] with the first of the users and its password.
func (s *Server) UserURL() string {
	names := slices.Sorted(maps.Keys(s.Config.Users))
	if len(names) == 0 {
		return s.url(nil)
	}
	return s.url(url.UserPassword(names[0], s.Config.Users[names[0]]))
}

func (s *Server) url(user *url.Userinfo) string {
	u := url.URL{Scheme: "smtp", User: user, Host: s.Addr()}
	if s.Config.Protocol == LMTP {
		u.Scheme = "lmtp"
	}
	switch {
	case s.Config.Network == "unix":
		u.Scheme, u.Host, u.Path = u.Scheme+"+unix", "", s.Addr()
	case s.Config.Security == ImplicitTLS:
		u.Scheme += "s"
	case s.Config.Security == STARTTLS:
		u.Scheme += "+starttls"
	}
	return u.String()
}

// CertPool returns a new pool with the authority that signed the certificate.
func (s *Server) CertPool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(s.authority.cert)
	return pool
}

// AuthorityPEM returns the certificate of the authority that signed the server's, in PEM form, for programs
// that read it from a file.
func (s *Server) AuthorityPEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.authority.cert.Raw})
}

// ClientTLS returns a configuration for a client that trusts the server.
func (s *Server) ClientTLS() *tls.Config {
	name := s.Host()
	if s.Config.Network == "unix" {
		name = s.Config.Hostname
	}
	return &tls.Config{RootCAs: s.CertPool(), ServerName: name, MinVersion: tls.VersionTLS12}
}

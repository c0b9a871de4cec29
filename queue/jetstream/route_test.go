package jetstream

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/nats-io/nats-server/v2/server"
)

// authority issues certificates for servers of a cluster on loopback.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{}
	a.cert, a.key = a.issue(t, &x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign})
	return a
}

func (a *authority) issue(t *testing.T, c *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c.SerialNumber, c.NotBefore, c.NotAfter = big.NewInt(1), time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert, key
}

func (a *authority) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return pool
}

// member returns a certificate for both sides of a route.
func (a *authority) member(t *testing.T) []tls.Certificate {
	t.Helper()
	cert, key := a.issue(t, &x509.Certificate{
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	})
	return []tls.Certificate{{Certificate: [][]byte{cert.Raw}, PrivateKey: key}}
}

// greeting is what a server says to who would be a route.
func greeting(address string, config *tls.Config) (string, error) {
	conn, err := tls.Dial("tcp", address, config)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		return "", err
	}
	return bufio.NewReader(conn).ReadString('\n')
}

// TestRouteNeedsCertificate: two servers with certificates of one authority are a cluster, whichever of the two pools names it, and a
// server without one, or with that of another authority, is refused.
func TestRouteNeedsCertificate(t *testing.T) {
	ours, other := newAuthority(t), newAuthority(t)
	setups := map[string]*tls.Config{
		"a": {Certificates: ours.member(t), RootCAs: ours.pool(), ClientAuth: tls.NoClientCert},
		"b": {Certificates: ours.member(t), ClientCAs: ours.pool(), ClientAuth: tls.RequestClientCert},
	}
	c := layCables(t, "ab")
	address := make(chan string, len(setups))
	var all sync.WaitGroup
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for name, config := range setups {
		peer := strings.Trim("ab", name)
		s := Embedded(t.TempDir()).Cluster(name, "127.0.0.1:0", c[name+peer].url())
		s.TLS, s.Replicas, s.beat = config, 1, 250*time.Millisecond
		s.begun = func(node *server.Server) {
			c[peer+name].set(node.ClusterAddr().String(), false)
			address <- node.ClusterAddr().String()
		}
		all.Go(func() {
			e, err := s.Open(ctx)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				return
			}
			t.Cleanup(func() {
				if err := e.Close(); err != nil {
					t.Error(err)
				}
			})
		})
	}
	all.Wait()
	for range setups {
		to := <-address
		for who, certs := range map[string][]tls.Certificate{"without a certificate": nil, "of another authority": other.member(t)} {
			send := func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { // also when the server does not know its authority
				if len(certs) == 0 {
					return &tls.Certificate{}, nil
				}
				return &certs[0], nil
			}
			if said, err := greeting(to, &tls.Config{RootCAs: ours.pool(), GetClientCertificate: send}); err == nil {
				t.Errorf("who came %s was told %.40q", who, said)
			}
		}
		if said, err := greeting(to, &tls.Config{RootCAs: ours.pool(), Certificates: ours.member(t)}); !strings.HasPrefix(said, "INFO ") {
			t.Errorf("a member was told %q, %v", said, err)
		}
	}
}

// TestSetupRefusesTLS: a configuration that does not prove both sides of a route is refused.
func TestSetupRefusesTLS(t *testing.T) {
	ours := newAuthority(t)
	for want, change := range map[string]func(*tls.Config){
		"set RootCAs or ClientCAs": func(c *tls.Config) { c.RootCAs = nil },
		"InsecureSkipVerify":       func(c *tls.Config) { c.InsecureSkipVerify = true },
		"a certificate is missing": func(c *tls.Config) { c.Certificates = nil },
		"GetConfigForClient would decide instead": func(c *tls.Config) {
			c.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { return nil, nil }
		},
	} {
		s := Embedded("x").Cluster("a", "10.0.0.1:6222")
		s.TLS = &tls.Config{Certificates: ours.member(t), RootCAs: ours.pool()}
		change(s.TLS)
		var field *envelope.FieldError
		if err := s.check(); !errors.As(err, &field) || field.Field != "TLS" || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	s := Embedded("x").Cluster("a", "10.0.0.1:6222")
	s.TLS = &tls.Config{ClientCAs: ours.pool()}
	s.TLS.GetCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &ours.member(t)[0], nil }
	s.TLS.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &ours.member(t)[0], nil }
	if err := s.check(); err != nil {
		t.Errorf("certificates by functions: %v", err)
	}
}

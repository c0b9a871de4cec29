package smtp_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/smtp"
	"github.com/depeche-mail/depeche/transport/smtp/authentication"
	"github.com/depeche-mail/depeche/transport/smtp/client"
	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
)

// downgrade is a way to keep TLS from coming about.
type downgrade struct {
	config  func(c *smtptest.Config)
	builder func(b smtp.Builder, srv *smtptest.Server) smtp.Builder
	kind    client.TLSKind
	cause   func(error) bool // beside the *client.TLSError
	hint    string           // a word of what to do
	limits  client.Timeouts  // for rows that have to wait for nothing
}

// oldHello is a server that chooses TLS 1.1 although it was not offered, as old ones do.
const oldHello = "\x16\x03\x02\x00\x2a\x02\x00\x00\x26\x03\x02" + "0123456789abcdef0123456789abcdef" + "\x00\x00\x2f\x00"

var errVeto = errors.New("not this one")

// TestDowngrades: whatever keeps TLS from coming about ends the attempt before a login, with a kind and
// an advice of its own.
func TestDowngrades(t *testing.T) {
	rows := map[string]downgrade{
		"STARTTLS is stripped, AUTH is offered": {
			config: func(c *smtptest.Config) { c.Hello.Plain = []string{"PIPELINING", "AUTH PLAIN LOGIN"} },
			kind:   client.TLSNotOffered, cause: is(client.ErrNoStartTLS), hint: "smtps",
		},
		"454 to STARTTLS": {
			config: hooks(smtptest.On(smtptest.StartTLS, smtptest.Reply("454 4.7.0 not now"))),
			kind:   client.TLSRefused, cause: is(client.ErrNoStartTLS), hint: "problem with its TLS",
		},
		"454 to a STARTTLS that is used where it is offered": {
			config: hooks(smtptest.On(smtptest.StartTLS, smtptest.Reply("454 4.7.0 not now"))),
			builder: func(_ smtp.Builder, srv *smtptest.Server) smtp.Builder {
				return smtp.DangerousOpportunisticTLS(srv.Host()).Port(srv.Port()).TLSConfig(srv.ClientTLS())
			},
			kind: client.TLSRefused, cause: is(client.ErrNoStartTLS), hint: "problem with its TLS",
		},
		"octets behind the 220": {
			config: hooks(smtptest.On(smtptest.StartTLS, smtptest.Default().Then(smtptest.Raw("250 AUTH PLAIN\r\n")))),
			kind:   client.TLSInjected, cause: is(client.ErrInjection), hint: "on the way",
		},
		"closed in the handshake": {
			config: hooks(smtptest.On(smtptest.Handshake, smtptest.Close())),
			kind:   client.TLSInterrupted, cause: is(io.EOF), hint: "try again",
		},
		"nonsense in the handshake": {
			config:  implicitly(smtptest.Raw("what\r\n").Then(smtptest.Close())),
			builder: implicit,
			kind:    client.TLSFailed, cause: as[tls.RecordHeaderError], hint: "ask its operator",
		},
		"no cipher suite in common": {
			config: func(c *smtptest.Config) {
				c.TLS = &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_RSA_WITH_AES_128_CBC_SHA}}
			},
			kind: client.TLSFailed, cause: as[*net.OpError], hint: "tlsrsakex",
		},
		"TLS 1.1 only": {
			config: versions(tls.VersionTLS10, tls.VersionTLS11),
			kind:   client.TLSTooOld, cause: as[*net.OpError], hint: "TLS 1.2",
		},
		"TLS 1.1 chosen by a server that knows nothing else": {
			config:  implicitly(smtptest.Raw(oldHello).Then(smtptest.Close())),
			builder: implicit,
			kind:    client.TLSTooOld, hint: "TLS 1.2",
		},
		"expired": {
			config: certificate(smtptest.Expired),
			kind:   client.TLSExpired, cause: as[x509.CertificateInvalidError], hint: "renew",
		},
		"not yet valid by the caller's clock": {
			builder: func(b smtp.Builder, srv *smtptest.Server) smtp.Builder {
				settings := srv.ClientTLS()
				settings.Time = func() time.Time { return time.Now().Add(-20 * time.Hour) }
				return b.TLSConfig(settings)
			},
			kind: client.TLSNotYetValid, cause: as[x509.CertificateInvalidError], hint: "clock",
		},
		"not yet valid": {
			config: certificate(smtptest.NotYetValid),
			kind:   client.TLSNotYetValid, cause: as[x509.CertificateInvalidError], hint: "clock",
		},
		"another name": {
			config: certificate(smtptest.WrongName),
			kind:   client.TLSWrongName, cause: as[x509.HostnameError], hint: `"other.example"`,
		},
		"the name in the subject only": {
			config: certificate(smtptest.CommonNameOnly),
			kind:   client.TLSWrongName, cause: as[x509.HostnameError], hint: "it has none",
		},
		"self-signed": {
			config: certificate(smtptest.SelfSigned),
			kind:   client.TLSSelfSigned, cause: as[x509.UnknownAuthorityError], hint: "ExtraRoots",
		},
		"an unknown authority": {
			config: certificate(smtptest.UnknownCA),
			kind:   client.TLSUnknownAuthority, cause: as[x509.UnknownAuthorityError], hint: "intermediate",
		},
		"a certificate for clients": {
			config: certificate(smtptest.ClientAuthOnly),
			kind:   client.TLSBadCertificate, cause: as[x509.CertificateInvalidError], hint: "replace",
		},
		"another key than the pinned one": {
			builder: func(b smtp.Builder, _ *smtptest.Server) smtp.Builder {
				return b.PinnedKeys(client.Pin{1, 2, 3}.String())
			},
			kind: client.TLSWrongPin, hint: "sha256/",
		},
		"a veto of the caller": {
			builder: func(b smtp.Builder, _ *smtptest.Server) smtp.Builder {
				return b.VerifyConnection(func(tls.ConnectionState) error { return errVeto })
			},
			kind: client.TLSVetoed, cause: is(errVeto), hint: errVeto.Error(),
		},
		"an expired certificate and a caller who would take anything": {
			config: certificate(smtptest.Expired),
			builder: func(b smtp.Builder, _ *smtptest.Server) smtp.Builder {
				return b.VerifyConnection(func(tls.ConnectionState) error { return nil })
			},
			kind: client.TLSExpired, cause: as[*tls.CertificateVerificationError], hint: "renew",
		},
		"a client certificate is wanted, TLS 1.3": {
			config: func(c *smtptest.Config) { c.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert} },
			kind:   client.TLSClientCertificate, cause: as[*net.OpError], hint: "ClientCertificate",
		},
		"a client certificate is wanted, TLS 1.2": {
			config: func(c *smtptest.Config) {
				c.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert, MaxVersion: tls.VersionTLS12}
			},
			kind: client.TLSClientCertificate, cause: as[*net.OpError], hint: "ClientCertificate",
		},
		"a plain connection of a dialer under Relay": {
			config:  func(c *smtptest.Config) { c.Security = smtptest.Plaintext },
			builder: implicit,
			kind:    client.TLSPlainServer, cause: as[tls.RecordHeaderError], hint: "StartTLSRelay",
		},
		"STARTTLS on port 465": {
			config:  func(c *smtptest.Config) { c.Security = smtptest.ImplicitTLS },
			builder: func(b smtp.Builder, _ *smtptest.Server) smtp.Builder { return b.Port(465) },
			kind:    client.TLSImplicitServer, cause: as[net.Error], hint: "use Relay",
			limits: client.Timeouts{Reply: 50 * time.Millisecond},
		},
	}
	hints := map[client.TLSKind]string{}
	for name, tc := range rows {
		t.Run(name, func(t *testing.T) {
			srv := smtptest.NewUnstartedServer(t)
			if tc.config != nil {
				tc.config(&srv.Config)
			}
			srv.Start()
			b := relay(srv)
			if tc.builder != nil {
				b = tc.builder(b, srv)
			}
			var wire recorder
			sender := build(t, b.Login(smtptest.User, smtptest.Password).Dialer(wire.dialer(srv.Addr())).Timeouts(tc.limits))
			result, err := sender.Send(t.Context(), mail(t, "b@example.org"))
			fault, ok := errors.AsType[*client.TLSError](err)
			if !ok || fault.Kind != tc.kind || tc.cause != nil && !tc.cause(err) {
				t.Fatalf("%T of kind %v: %v", fault, fault.Kind, err)
			}
			if result.Recipients[0].Outcome != transport.NotSent {
				t.Errorf("outcome %v", result.Recipients[0].Outcome)
			}
			if !strings.Contains(err.Error(), tc.hint) || !strings.Contains(err.Error(), fault.Hint()) {
				t.Errorf("%q does not say %q", err, tc.hint)
			}
			hints[fault.Kind] = fault.Hint()
			wire.wantClear(t)
			for _, s := range srv.Sessions() {
				if s.Count("AUTH")+s.Count("MAIL")+s.Count("RCPT")+s.Count("DATA")+s.Count("BDAT") > 0 {
					t.Errorf("said %v", s.Commands)
				}
			}
		})
	}
	if t.Failed() {
		return
	}
	seen := map[string]client.TLSKind{}
	for kind := client.TLSFailed; kind <= client.TLSInterrupted; kind++ {
		hint, tested := hints[kind]
		if other, twice := seen[hint]; !tested || twice {
			t.Errorf("kind %v: tested %v, same hint as %v", kind, tested, other)
		}
		seen[hint] = kind
	}
}

// TestDowngradeOfChance: STARTTLS that is used where it is offered does not protect against an attacker who hides the offer, but the password stays here.
func TestDowngradeOfChance(t *testing.T) {
	srv := smtptest.NewUnstartedServer(t)
	srv.Config.Hello.Plain = []string{"PIPELINING", "AUTH PLAIN LOGIN"}
	srv.Start()
	var wire recorder
	sender := build(t, smtp.DangerousOpportunisticTLS(srv.Host()).Port(srv.Port()).Login(smtptest.User, smtptest.Password).Dialer(wire.dialer(srv.Addr())))
	_, err := sender.Send(t.Context(), mail(t, "b@example.org"))
	if login, ok := errors.AsType[*authentication.Error](err); !ok || login.Kind != authentication.KindNeedsTLS {
		t.Errorf("%v", err)
	}
	wire.wantClear(t)
}

// implicitly does something instead of a handshake from the first octet.
func implicitly(do smtptest.Action) func(*smtptest.Config) {
	return func(c *smtptest.Config) {
		c.Security, c.Hooks = smtptest.ImplicitTLS, []smtptest.Hook{smtptest.On(smtptest.Handshake, do)}
	}
}

func is(target error) func(error) bool { return func(err error) bool { return errors.Is(err, target) } }

func as[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

// recorder keeps what a client writes to the network, below TLS.
type recorder struct {
	mu   sync.Mutex
	sent bytes.Buffer
}

// dialer connects to one address, whichever is asked for.
func (r *recorder) dialer(address string) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, _, _ string) (net.Conn, error) {
		nc, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
		return recorded{nc, r}, err
	}
}

type recorded struct {
	net.Conn
	to *recorder
}

func (c recorded) Write(p []byte) (int, error) {
	c.to.mu.Lock()
	c.to.sent.Write(p)
	c.to.mu.Unlock()
	return c.Conn.Write(p)
}

// wantClear fails when something was written that an eavesdropper must not see.
func (r *recorder) wantClear(t *testing.T) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	encode := base64.StdEncoding.EncodeToString
	for _, secret := range []string{
		"AUTH", "MAIL", smtptest.Password, encode([]byte(smtptest.Password)),
		encode([]byte("\x00" + smtptest.User + "\x00" + smtptest.Password)),
	} {
		if bytes.Contains(r.sent.Bytes(), []byte(secret)) {
			t.Errorf("%q was said in clear", secret)
		}
	}
}

package smtp_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/depeche-mail/depeche/transport/smtp"
	"github.com/depeche-mail/depeche/transport/smtp/client"
	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
	"github.com/google/go-cmp/cmp"
)

// secure starts a server and returns a builder for it that trusts nothing but the system.
func secure(t *testing.T, config func(*smtptest.Config)) (*smtptest.Server, smtp.Builder) {
	t.Helper()
	srv := smtptest.NewUnstartedServer(t)
	if config != nil {
		config(&srv.Config)
	}
	srv.StartImplicitTLS()
	return srv, smtp.Relay(srv.Host()).Port(srv.Port()).Login(smtptest.User, smtptest.Password)
}

// chain returns the certificates that vouch for a server.
func chain(t *testing.T, srv *smtptest.Server) []*x509.Certificate {
	t.Helper()
	conn, err := tls.Dial("tcp", srv.Addr(), srv.ClientTLS())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	return conn.ConnectionState().VerifiedChains[0]
}

func encode(certificates ...*x509.Certificate) []byte {
	var text []byte
	for _, c := range certificates {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})...)
	}
	return text
}

// wantSent sends a mail and wants it accepted.
func wantSent(t *testing.T, b smtp.Builder) {
	t.Helper()
	if _, err := build(t, b).Send(t.Context(), mail(t, "b@example.org")); err != nil {
		t.Error(err)
	}
}

// fault sends a mail and returns why no TLS came about.
func fault(t *testing.T, b smtp.Builder) *client.TLSError {
	t.Helper()
	_, err := build(t, b).Send(t.Context(), mail(t, "b@example.org"))
	e, ok := errors.AsType[*client.TLSError](err)
	if !ok {
		t.Fatalf("no *client.TLSError: %v", err)
	}
	return e
}

func TestExtraRoots(t *testing.T) {
	srv, base := secure(t, nil)
	authority := encode(chain(t, srv)[1])
	wantSent(t, base.Clone().ExtraRoots(authority))
	// The order of the steps does not matter, and roots add up.
	wantSent(t, base.Clone().ExtraRoots(authority).TLSConfig(&tls.Config{RootCAs: x509.NewCertPool()}))
	wantSent(t, base.Clone().TLSConfig(srv.ClientTLS()).ExtraRoots(encode(chain(t, srv)[0])))

	_, base = secure(t, certificate(smtptest.SelfSigned))
	refused := fault(t, base.Clone())
	if refused.Kind != client.TLSSelfSigned {
		t.Fatal(refused)
	}
	wantSent(t, base.ExtraRoots(encode(refused.Certificate)))
}

// TestPinnedKeys: the server's key or that of its issuer, and the certificate has to be valid besides.
func TestPinnedKeys(t *testing.T) {
	srv, base := secure(t, nil)
	trusting := base.Clone().TLSConfig(srv.ClientTLS())
	for _, cert := range chain(t, srv) {
		wantSent(t, trusting.Clone().PinnedKeys(client.Pin{1}.String(), client.PinOf(cert).String()))
	}
	refused := fault(t, trusting.Clone().PinnedKeys(client.Pin{1}.String()))
	if want := client.PinOf(chain(t, srv)[0]).String(); refused.Kind != client.TLSWrongPin || !strings.Contains(refused.Error(), want) {
		t.Errorf("%v, want it to show %s", refused, want)
	}
	if e := fault(t, base.Clone().PinnedKeys(client.PinOf(chain(t, srv)[0]).String())); e.Kind != client.TLSUnknownAuthority {
		t.Errorf("a pin made up for an unknown authority: %v", e)
	}
	// Without verification a foreign certificate beside the server's own proves nothing.
	blind := base.Clone().DangerousSkipVerify()
	wantSent(t, blind.Clone().PinnedKeys(client.PinOf(chain(t, srv)[0]).String()))
	if e := fault(t, blind.PinnedKeys(client.PinOf(chain(t, srv)[1]).String())); e.Kind != client.TLSWrongPin {
		t.Errorf("without verification: %v", e)
	}
}

// TestTrustedKeys: a relay that signed its own certificate, for another name and out of date, is trusted by its key
// alone, and another key is not, also in a session that is resumed.
func TestTrustedKeys(t *testing.T) {
	for _, flaw := range []smtptest.Certificate{smtptest.SelfSigned, smtptest.Expired, smtptest.WrongName} {
		_, base := secure(t, certificate(flaw))
		e := fault(t, base.Clone())
		if e.Certificate == nil {
			t.Fatal(e)
		}
		own := client.PinOf(e.Certificate).String()
		sender := build(t, base.Clone().TrustedKeys(client.Pin{1}.String(), own).Pool(smtp.Pool{MaxMessages: 1}))
		for range 2 {
			if _, err := sender.Send(t.Context(), mail(t, "b@example.org")); err != nil {
				t.Errorf("%v: %v", flaw, err)
			}
		}
		if e := fault(t, base.Clone().TrustedKeys(client.Pin{1}.String())); e.Kind != client.TLSWrongPin {
			t.Errorf("%v, another key: %v", flaw, e)
		}
	}
	// The key of the authority in the certificates of a relay proves nothing: any relay can send it.
	srv, base := secure(t, nil)
	if e := fault(t, base.TrustedKeys(client.PinOf(chain(t, srv)[1]).String())); e.Kind != client.TLSWrongPin {
		t.Errorf("the key of the authority: %v", e)
	}
}

// TestDangerousSkipVerify: only the step named for the danger turns verification off.
func TestDangerousSkipVerify(t *testing.T) {
	_, base := secure(t, certificate(smtptest.SelfSigned))
	wantSent(t, base.Clone().DangerousSkipVerify())
	_, err := base.TLSConfig(&tls.Config{InsecureSkipVerify: true}).Build()
	if !slices.Equal(fields(err), []string{"TLSConfig.InsecureSkipVerify"}) || !strings.Contains(err.Error(), "DangerousSkipVerify") {
		t.Error(err)
	}
}

// clientCertificate returns a certificate of a client called "us".
func clientCertificate(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "us"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func TestClientCertificate(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		var names list[string]
		srv, base := secure(t, func(c *smtptest.Config) {
			c.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert, MaxVersion: version, VerifyConnection: func(s tls.ConnectionState) error {
				names.add(s.PeerCertificates[0].Subject.CommonName)
				return nil
			}}
		})
		wantSent(t, base.ClientCertificate(clientCertificate(t)).TLSConfig(srv.ClientTLS()))
		if diff := cmp.Diff([]string{"us"}, names.all()); diff != "" {
			t.Errorf("what the server saw (-want +got):\n%s", diff)
		}
	}
}

func TestMinVersion(t *testing.T) {
	srv, base := secure(t, versions(tls.VersionTLS12, tls.VersionTLS12))
	wantSent(t, base.Clone().TLSConfig(srv.ClientTLS()))
	if e := fault(t, base.MinVersion(tls.VersionTLS13).TLSConfig(srv.ClientTLS())); e.Kind != client.TLSTooOld {
		t.Error(e)
	}
	srv, base = secure(t, versions(tls.VersionTLS10, tls.VersionTLS11))
	lowered := srv.ClientTLS()
	lowered.MinVersion = tls.VersionTLS10
	wantSent(t, base.Clone().DangerousMinVersion(tls.VersionTLS10).TLSConfig(lowered))
	if e := fault(t, base.TLSConfig(srv.ClientTLS())); e.Kind != client.TLSTooOld {
		t.Errorf("without the step that lowers the minimum: %v", e)
	}
}

// TestResumption: the connections of a pool share their sessions, and a resumed one is judged as a new
// one is.
func TestResumption(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for _, off := range []bool{false, true} {
			var resumed list[bool]
			srv, base := secure(t, func(c *smtptest.Config) {
				c.TLS = &tls.Config{MaxVersion: version, VerifyConnection: func(s tls.ConnectionState) error {
					resumed.add(s.DidResume)
					return nil
				}}
			})
			settings := srv.ClientTLS()
			settings.SessionTicketsDisabled = off
			judged := 0
			sender := build(t, base.TLSConfig(settings).Pool(smtp.Pool{MaxMessages: 1}).VerifyConnection(func(s tls.ConnectionState) error {
				if len(s.VerifiedChains) == 0 {
					return errors.New("asked before the verification")
				}
				if judged++; judged == 4 {
					return errVeto
				}
				return nil
			}))
			for range 3 {
				if _, err := sender.Send(t.Context(), mail(t, "b@example.org")); err != nil {
					t.Error(err)
				}
			}
			if _, err := sender.Send(t.Context(), mail(t, "b@example.org")); !errors.Is(err, errVeto) {
				t.Errorf("the veto was not heard: %v", err)
			}
			want := []bool{false, !off, !off}
			if diff := cmp.Diff(want, resumed.all()[:3]); diff != "" {
				t.Errorf("%s: sessions resumed (-want +got):\n%s", tls.VersionName(version), diff)
			}
		}
	}
}

// TestTLSFields: settings that cannot be meant.
func TestTLSFields(t *testing.T) {
	verify := func(tls.ConnectionState) error { return nil }
	for name, tc := range map[string]struct {
		builder smtp.Builder
		want    []string
	}{
		"no PEM":             {smtp.Relay("x.org").ExtraRoots([]byte("x")), []string{"ExtraRoots"}},
		"no key":             {smtp.Relay("x.org").ClientCertificate(tls.Certificate{}), []string{"ClientCertificate"}},
		"TLS 1.1":            {smtp.Relay("x.org").MinVersion(tls.VersionTLS11), []string{"MinVersion"}},
		"SSL":                {smtp.Relay("x.org").DangerousMinVersion(0x0300), []string{"DangerousMinVersion"}},
		"no pins":            {smtp.Relay("x.org").PinnedKeys(), []string{"PinnedKeys"}},
		"half a pin":         {smtp.Relay("x.org").PinnedKeys("00ff"), []string{"PinnedKeys"}},
		"no function":        {smtp.Relay("x.org").VerifyConnection(nil), []string{"VerifyConnection"}},
		"crossed versions":   {smtp.Relay("x.org").TLSConfig(&tls.Config{MaxVersion: tls.VersionTLS12}).MinVersion(tls.VersionTLS13), []string{"TLSConfig.MaxVersion"}},
		"only old versions":  {smtp.Relay("x.org").TLSConfig(&tls.Config{MaxVersion: tls.VersionTLS11}), []string{"TLSConfig.MaxVersion"}},
		"old in TLSConfig":   {smtp.Relay("x.org").TLSConfig(&tls.Config{MinVersion: tls.VersionTLS11}), []string{"TLSConfig.MinVersion"}},
		"two minima":         {smtp.Relay("x.org").TLSConfig(&tls.Config{MinVersion: tls.VersionTLS12}).DangerousMinVersion(tls.VersionTLS10), []string{"TLSConfig.MinVersion"}},
		"two steps":          {smtp.Relay("x.org").MinVersion(tls.VersionTLS13).DangerousMinVersion(tls.VersionTLS10), []string{"MinVersion"}},
		"the same twice":     {smtp.Relay("x.org").TLSConfig(&tls.Config{MinVersion: tls.VersionTLS10}).DangerousMinVersion(tls.VersionTLS10), nil},
		"no trusted keys":    {smtp.Relay("x.org").TrustedKeys(), []string{"TrustedKeys"}},
		"half a trusted key": {smtp.Relay("x.org").TrustedKeys("00ff"), []string{"TrustedKeys"}},
		"two kinds of pins":  {smtp.Relay("x.org").TrustedKeys(client.Pin{}.String()).PinnedKeys(client.Pin{}.String()), []string{"PinnedKeys"}},
		"trust and roots":    {smtp.Relay("x.org").TrustedKeys(client.Pin{}.String()).TLSConfig(&tls.Config{RootCAs: x509.NewCertPool()}), []string{"TLSConfig.RootCAs"}},
		"pins and roots":     {smtp.Relay("x.org").PinnedKeys(client.Pin{}.String()).TLSConfig(&tls.Config{RootCAs: x509.NewCertPool()}), nil},
		"old ones, allowed":  {smtp.Relay("x.org").TLSConfig(&tls.Config{MaxVersion: tls.VersionTLS11}).DangerousMinVersion(tls.VersionTLS10), nil},
		"pins without TLS":   {smtp.DangerousPlaintext("x.org").PinnedKeys(client.Pin{}.String()), []string{"PinnedKeys"}},
		"several, LMTP":      {smtp.LMTP("x.org").MinVersion(tls.VersionTLS13).VerifyConnection(verify), []string{"MinVersion", "VerifyConnection"}},
		"as it should be":    {smtp.Relay("x.org").MinVersion(tls.VersionTLS13).VerifyConnection(verify), nil},
		"where it is chance": {smtp.DangerousOpportunisticTLS("x.org").VerifyConnection(verify), nil},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := tc.builder.Build()
			if diff := cmp.Diff(tc.want, fields(err)); diff != "" {
				t.Errorf("%v: fields (-want +got):\n%s", err, diff)
			}
		})
	}
}

// TestTLSWithoutTLS: each setting of docs/tls.md is an error on a transport in clear, where it would be ignored.
func TestTLSWithoutTLS(t *testing.T) {
	pin := client.Pin{}.String()
	steps := map[string]func(smtp.Builder) smtp.Builder{
		"ExtraRoots":          func(b smtp.Builder) smtp.Builder { return b.ExtraRoots([]byte("x")) },
		"ClientCertificate":   func(b smtp.Builder) smtp.Builder { return b.ClientCertificate(clientCertificate(t)) },
		"ServerName":          func(b smtp.Builder) smtp.Builder { return b.ServerName("x.org") },
		"MinVersion":          func(b smtp.Builder) smtp.Builder { return b.MinVersion(tls.VersionTLS13) },
		"DangerousMinVersion": func(b smtp.Builder) smtp.Builder { return b.DangerousMinVersion(tls.VersionTLS10) },
		"PinnedKeys":          func(b smtp.Builder) smtp.Builder { return b.PinnedKeys(pin) },
		"TrustedKeys":         func(b smtp.Builder) smtp.Builder { return b.TrustedKeys(pin) },
		"DangerousSkipVerify": smtp.Builder.DangerousSkipVerify,
		"VerifyConnection": func(b smtp.Builder) smtp.Builder {
			return b.VerifyConnection(func(tls.ConnectionState) error { return nil })
		},
		"TLSConfig": func(b smtp.Builder) smtp.Builder { return b.TLSConfig(&tls.Config{}) },
	}
	page, err := os.ReadFile("../../docs/tls.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(page), "| step | what it does |\n|---|---|\n")
	table, _, _ = strings.Cut(table, "\n\n")
	listed := 0
	for row := range strings.Lines(table) {
		name, _, _ := strings.Cut(strings.TrimPrefix(row, "| `"), "(")
		step, ok := steps[name]
		if !ok {
			t.Errorf("%s is not in the table of this test", row)
			continue
		}
		listed++
		for _, b := range []smtp.Builder{smtp.DangerousPlaintext("x.org"), smtp.UnencryptedLocalhost(), smtp.LMTP("x.org"), smtp.UnixSocket("/x")} {
			if _, err := step(b).Build(); !slices.Contains(fields(err), name) {
				t.Errorf("%s in clear: %v", name, err)
			}
		}
	}
	if listed != len(steps) {
		t.Errorf("docs/tls.md lists %d of %d steps", listed, len(steps))
	}
}

// fields returns the names of the fields at fault.
func fields(err error) (names []string) {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range joined.Unwrap() {
			names = append(names, fields(e)...)
		}
		return names
	}
	if e, ok := errors.AsType[*smtp.FieldError](err); ok {
		names = append(names, e.Field)
	}
	return names
}

// list is what the goroutines of a server saw.
type list[T any] struct {
	mu   sync.Mutex
	seen []T
}

func (l *list[T]) add(x T) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seen = append(l.seen, x)
}

func (l *list[T]) all() []T {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.seen
}

package smtp

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/depeche-mail/depeche/internal/keys"
	"github.com/depeche-mail/depeche/transport/smtp/authentication"
	"github.com/depeche-mail/depeche/transport/smtp/client"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// said is one setting in its three forms.
type said struct {
	value string                  // of the key of a URL
	field any                     // of a Config
	step  func(b Builder) Builder // nil where the step wants a file read, or stands outside of the builder
}

// everySetting has a value of each setting. TestSettingsSayTheSame fails when one is missing.
func everySetting() map[string]said {
	pins := []string{client.Pin{1}.String(), client.Pin{2}.String()}
	limit := func(set func(*client.Timeouts)) func(Builder) Builder {
		var t client.Timeouts
		set(&t)
		return func(b Builder) Builder { return b.Timeouts(t) }
	}
	pool := func(p Pool) func(Builder) Builder { return func(b Builder) Builder { return b.Pool(p) } }
	return map[string]said{
		"auth":                     {"SCRAM-SHA-256,PLAIN", []string{"scram-sha-256", "PLAIN"}, func(b Builder) Builder { return b.Mechanisms("SCRAM-SHA-256", "plain") }},
		"authorization_id":         {"boss", "boss", func(b Builder) Builder { return b.AuthorizationID("boss") }},
		"password_file":            {"/run/secret", "/run/secret", nil},
		"token_file":               {"/run/token", "/run/token", nil},
		"dangerous_plaintext_auth": {"true", true, Builder.DangerousPlaintextAuth},

		"tls_name":              {"mx.example.org", "mx.example.org", func(b Builder) Builder { return b.ServerName("mx.example.org") }},
		"tls_min":               {"1.3", "1.3", func(b Builder) Builder { return b.MinVersion(tls.VersionTLS13) }},
		"dangerous_tls_min":     {"1.1", "1.1", func(b Builder) Builder { return b.DangerousMinVersion(tls.VersionTLS11) }},
		"tls_roots":             {"/etc/roots.pem", "/etc/roots.pem", nil},
		"tls_pin":               {strings.Join(pins, ","), pins, func(b Builder) Builder { return b.PinnedKeys(pins...) }},
		"tls_trusted_key":       {strings.Join(pins, ","), pins, func(b Builder) Builder { return b.TrustedKeys(pins...) }},
		"tls_certificate":       {"/etc/us.pem", "/etc/us.pem", nil},
		"tls_key":               {"/etc/us.key", "/etc/us.key", nil},
		"dangerous_skip_verify": {"true", true, Builder.DangerousSkipVerify},

		"hello":               {"us.example.org", "us.example.org", func(b Builder) Builder { return b.HelloName("us.example.org") }},
		"local_addr":          {"192.0.2.1:0", "192.0.2.1", func(b Builder) Builder { return b.LocalAddr(&net.TCPAddr{IP: net.IPv4(192, 0, 2, 1).To4()}) }},
		"proxy":               {"socks5://user@proxy.example.org:1080", "socks5://user@proxy.example.org:1080", func(b Builder) Builder { return b.Proxy("socks5h://user@proxy.example.org/") }},
		"proxy_password_file": {"/run/secret", "/run/secret", nil},
		"max_wait":            {"3s", Duration(3 * time.Second), pool(Pool{MaxWait: 3 * time.Second})},
		"timeout":             {"20s", Duration(20 * time.Second), func(b Builder) Builder { return b.Timeout(20 * time.Second) }},
		"dial_timeout":        {"1s", Duration(time.Second), limit(func(t *client.Timeouts) { t.Dial = time.Second })},
		"tls_timeout":         {"1s", Duration(time.Second), limit(func(t *client.Timeouts) { t.TLS = time.Second })},
		"reply_timeout":       {"1s", Duration(time.Second), limit(func(t *client.Timeouts) { t.Reply = time.Second })},
		"data_timeout":        {"1s", Duration(time.Second), limit(func(t *client.Timeouts) { t.Data = time.Second })},
		"body_timeout":        {"1s", Duration(time.Second), limit(func(t *client.Timeouts) { t.Body = time.Second })},
		"final_timeout":       {"20m", Duration(20 * time.Minute), limit(func(t *client.Timeouts) { t.Final = 20 * time.Minute })},
		"reset_timeout":       {"1s", Duration(time.Second), limit(func(t *client.Timeouts) { t.Reset = time.Second })},
		"pool":                {"3", 3, pool(Pool{MaxOpen: 3})},
		"max_idle":            {"3", 3, pool(Pool{MaxIdle: 3})},
		"min_idle":            {"3", 3, pool(Pool{MinIdle: 3})},
		"max_waiting":         {"3", 3, pool(Pool{MaxWaiting: 3})},
		"max_messages":        {"3", 3, pool(Pool{MaxMessages: 3})},
		"idle_timeout":        {"1m30s", Duration(90 * time.Second), pool(Pool{IdleTimeout: 90 * time.Second})},
		"max_age":             {"1h", Duration(time.Hour), pool(Pool{MaxAge: time.Hour})},

		"all_or_nothing":     {"true", true, Builder.AllOrNothing},
		"disable_extensions": {"PIPELINING,CHUNKING", []string{"pipelining", "CHUNKING"}, func(b Builder) Builder { return b.DisableExtensions("PIPELINING", "CHUNKING") }},
		"chunking":           {"off", "off", func(b Builder) Builder { return b.Chunking(client.ChunkingOff) }},
		"bulk_window":        {"20", 20, func(b Builder) Builder { return b.BulkWindow(20) }},
		"resend_unsent":      {"true", true, Builder.ResendUnsent},
		"wait_for_relay":     {"2m", Duration(2 * time.Minute), func(b Builder) Builder { return b.WaitForRelay(2 * time.Minute) }},
	}
}

// elsewhere are the keys that are not a field of a Config, and what says the same.
var elsewhere = map[string]string{
	opportunistic: "the word of Security",
	"rate":        "policy.RateLimit",
}

// TestSettingsSayTheSame: the key of a URL, the field of a Config and the step of a Builder do the same to a
// transport, and each is told again from what was configured.
func TestSettingsSayTheSame(t *testing.T) {
	all := everySetting()
	for _, x := range settings {
		want, ok := all[x.key]
		if !ok {
			if elsewhere[x.key] == "" {
				t.Errorf("no value of %s in the table of this test", x.key)
			}
			continue
		}
		delete(all, x.key)
		base := URL{scheme: "smtps", host: "mx.example.org"}
		asKey := URL{scheme: base.scheme, host: base.host, keys: base.keys.With(keyOf(x, want.value))}
		c := Config{Host: "mx.example.org"}
		field, ok := fieldOf(reflect.ValueOf(&c).Elem(), x.key)
		if !ok {
			t.Errorf("Config has no field %s", x.key)
			continue
		}
		field.Set(reflect.ValueOf(want.field).Convert(field.Type()))
		fromKey, fromField := collected(t, asKey.Builder()), collected(t, c.Builder())
		if diff := cmp.Diff(fromKey, fromField, compareStates, sameOrigin); diff != "" {
			t.Errorf("%s (-URL +Config):\n%s", x.key, diff)
		}
		if want.step != nil {
			if diff := cmp.Diff(fromKey, collected(t, want.step(Relay("mx.example.org"))), compareStates, sameOrigin); diff != "" {
				t.Errorf("%s (-URL +%s):\n%s", x.key, x.step, diff)
			}
		}
		if len(fromKey.errs) > 0 || cmp.Equal(fromKey, collected(t, base.Builder()), compareStates, sameOrigin) {
			t.Errorf("%s does nothing: %v", x.key, fromKey.errs)
		}
		told, err := c.URL()
		if err != nil || told.Reveal() != asKey.Reveal() {
			t.Errorf("told as %s, %v, want %s", told.Reveal(), err, asKey.Reveal())
		}
		again, err := told.Config()
		toldAgain, wrong := again.URL()
		if err != nil || wrong != nil || toldAgain.Reveal() != told.Reveal() {
			t.Errorf("%s told again as %s, %v, %v", told, toldAgain, err, wrong)
		}
	}
	for key := range all {
		t.Errorf("there is no setting %s", key)
	}
}

// TestEveryStepIsSaid: each step is a setting, a part of a URL, or code that no text can say; a new one has to choose.
func TestEveryStepIsSaid(t *testing.T) {
	known := []string{
		"Login", "Port", // parts of a URL
		"Account", "Dialer", "Trace", "TLSConfig", "VerifyConnection", // code
		"Build", "Clone", "ClientConfig", "Config", "URL", // no settings
	}
	for _, x := range settings {
		known = append(known, x.step)
		if x.value == "" || x.step == "" {
			t.Errorf("%s has no words on the page", x.key)
		}
	}
	for m := range reflect.TypeFor[Builder]().Methods() {
		if !slices.Contains(known, m.Name) {
			t.Errorf("step %s: no key of a URL and no field of a Config says it", m.Name)
		}
	}
	parts := []string{"provider", "host", "port", "socket", "protocol", "security", "user", "password"}
	for field := range reflect.TypeFor[Config]().Fields() {
		json, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		yaml, _, _ := strings.Cut(field.Tag.Get("yaml"), ",")
		isSetting := slices.ContainsFunc(settings, func(x setting) bool { return x.key == json })
		if json != yaml || !isSetting && !slices.Contains(parts, json) {
			t.Errorf("field %s is %q in JSON and %q in YAML", field.Name, json, yaml)
		}
	}
}

// TestOnlyCode: what has no text form is an error that names the step, and never left out.
func TestOnlyCode(t *testing.T) {
	credentials, err := authentication.Password("user", "hunter2")
	if err != nil {
		t.Fatal(err)
	}
	for step, b := range map[string]Builder{
		"Account":           Relay("mx.example.org").Account(NewAccount()),
		"Credentials":       Relay("mx.example.org").Credentials(credentials),
		"Dialer":            Relay("mx.example.org").Dialer((&net.Dialer{}).DialContext),
		"Proxy":             Relay("mx.example.org").Proxy("socks5://user:hunter2@proxy.example.org"),
		"Trace":             Relay("mx.example.org").Trace(func(client.Event) {}),
		"TLSConfig":         Relay("mx.example.org").TLSConfig(&tls.Config{}),
		"VerifyConnection":  Relay("mx.example.org").VerifyConnection(func(tls.ConnectionState) error { return nil }),
		"ClientCertificate": Relay("mx.example.org").ClientCertificate(tls.Certificate{Certificate: [][]byte{{1}}, PrivateKey: 1}),
		"HelloName":         Relay("mx.example.org").HelloName("a b"), // a fault of a step
	} {
		for range 2 { // the handle can still be used
			if _, err := b.Config(); err == nil || !strings.Contains(err.Error(), step) {
				t.Errorf("%s: %v", step, err)
			}
			if u, err := b.URL(); err == nil || u.scheme != "" {
				t.Errorf("%s: %v, %v", step, u, err)
			}
		}
	}
	var zero Builder
	if _, err := zero.Config(); !errors.Is(err, ErrStale) {
		t.Error(err)
	}
}

// TestForms: each constructor has a URL and a Config, which lead back to it.
func TestForms(t *testing.T) {
	for want, b := range map[string]Builder{
		"smtps://mx.example.org":                           Relay("mx.example.org"),
		"smtps://mx.example.org:2465":                      Relay("mx.example.org").Port(2465),
		"smtp+starttls://[2001:db8::1]":                    StartTLSRelay("2001:db8::1"),
		"smtp+starttls://[2001:db8::1]:465":                StartTLSRelay("2001:db8::1").Port(465),
		"smtp://localhost":                                 UnencryptedLocalhost(),
		"smtp://mx.example.org":                            DangerousPlaintext("mx.example.org"),
		"smtp://mx.example.org?" + opportunistic + "=true": DangerousOpportunisticTLS("mx.example.org"),
		"lmtp://mx.example.org":                            LMTP("mx.example.org"),
		"lmtps://mx.example.org":                           LMTPOverTLS("mx.example.org"),
		"lmtp+starttls://mx.example.org:2424":              LMTPStartTLS("mx.example.org").Port(2424),
		"lmtp+unix:///run/lmtp":                            LMTPSocket("/run/lmtp"),
		"smtp+unix:///run/a%20b%3F":                        UnixSocket("/run/a b?"),
		"service://user:p%40ss@ses-eu-west-1":              ForProvider("ses-eu-west-1").Login("user", "p@ss"),
		"smtps://a%40b.example:p%3A%2F%20@mx.example.org":  Relay("mx.example.org").Login("a@b.example", "p:/ "),
		"smtp+unix://user:pass@/run/smtp":                  UnixSocket("/run/smtp").Login("user", "pass"),
	} {
		t.Run(want, func(t *testing.T) {
			u, err := b.URL()
			if err != nil || u.Reveal() != want {
				t.Fatalf("%s, %v", u.Reveal(), err)
			}
			read, err := ParseURL(want)
			if err != nil {
				t.Fatal(err)
			}
			c, err := read.Config()
			if err != nil {
				t.Fatal(err)
			}
			for _, same := range []Builder{read.Builder(), c.Builder()} {
				if diff := cmp.Diff(collected(t, b.Clone()), collected(t, same), compareStates, sameOrigin); diff != "" {
					t.Errorf("(-builder +read):\n%s", diff)
				}
			}
		})
	}
}

// TestConfigReadsFiles: a Config, and a URL, have the certificates of files.
func TestConfigReadsFiles(t *testing.T) {
	folder := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	certificate, key := pemPair(t)
	config, err := Config{
		Host: "mx.example.org", TLSCertificate: PEM(write("us.pem", certificate)), TLSKey: PEM(write("us.key", key)), TLSRoots: PEM(certificate),
		User: "user", TokenFile: write("token", "ya29.token\n"),
	}.Builder().ClientConfig()
	if err != nil || len(config.TLSConfig.Certificates) != 1 || config.TLSConfig.RootCAs == nil || config.Credentials.User() != "user" {
		t.Errorf("%v, %v", config, err)
	}
	both := PEM(write("both.pem", certificate+key))
	if config, err = (Config{Host: "mx.example.org", TLSCertificate: both}).Builder().ClientConfig(); err != nil || len(config.TLSConfig.Certificates) != 1 {
		t.Errorf("key beside its certificate: %v", err)
	}
	for name, c := range map[string]Config{
		"tls_key":         {Host: "mx.example.org", TLSKey: both},
		"tls_certificate": {Host: "mx.example.org", TLSCertificate: both, TLSKey: PEM(key)}, // the key itself
		"tls_roots":       {Host: "mx.example.org", TLSRoots: PEM(filepath.Join(folder, "none"))},
		"token_file":      {Host: "mx.example.org", User: "user", TokenFile: write("empty", "")},
	} {
		err := c.Validate()
		if !slices.Equal(fieldNames(err), []string{name}) || strings.Contains(err.Error(), "PRIVATE") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

var sameOrigin = cmpopts.EquateEmpty()

// collected is what a builder has collected.
func collected(t *testing.T, b Builder) state {
	t.Helper()
	s := settled(t, b)
	s.security.steps = nil
	s.origin = fromCode
	return s
}

func keyOf(x setting, value string) keys.Key { return keys.Key{Name: x.key, Value: value} }

// fieldNames are the fields at fault.
func fieldNames(err error) (names []string) {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range joined.Unwrap() {
			names = append(names, fieldNames(e)...)
		}
		return names
	}
	if e, ok := errors.AsType[*FieldError](err); ok {
		names = append(names, e.Field)
	}
	return names
}

// pemPair is a certificate and its key in PEM form.
func pemPair(t *testing.T) (certificate, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	text := func(kind string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	return text("CERTIFICATE", der), text("PRIVATE KEY", secret)
}

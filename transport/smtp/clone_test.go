package smtp

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"reflect"
	"testing"
	"time"

	"github.com/depeche-mail/depeche/transport/smtp/authentication"
	"github.com/depeche-mail/depeche/transport/smtp/client"
	"github.com/depeche-mail/depeche/transport/smtp/extension"
	"github.com/google/go-cmp/cmp"
)

// builderSteps has each step of a builder with arguments that are made of a number. TestCloneIsolation fails when a
// step is missing.
func builderSteps(t *testing.T) map[string]func(b Builder, n int) Builder {
	t.Helper()
	word := func(n int) string { return string(rune('a' + n)) }
	limit := func(n int) time.Duration { return time.Duration(n) * time.Second }
	return map[string]func(b Builder, n int) Builder{
		"Account":         func(b Builder, n int) Builder { return b.Account(&Account{address: word(n)}) },
		"AllOrNothing":    func(b Builder, _ int) Builder { return b.AllOrNothing() },
		"AuthorizationID": func(b Builder, n int) Builder { return b.AuthorizationID(word(n)) },
		"BulkWindow":      func(b Builder, n int) Builder { return b.BulkWindow(n) },
		"Chunking":        func(b Builder, n int) Builder { return b.Chunking(client.Chunking(n % 3)) },
		"ClientCertificate": func(b Builder, n int) Builder {
			return b.ClientCertificate(tls.Certificate{Certificate: [][]byte{{byte(n)}}})
		},
		"Clone": func(b Builder, n int) Builder { return b.Clone().Port(n) },
		"Credentials": func(b Builder, n int) Builder {
			c, err := authentication.Password(word(n), word(n))
			if err != nil {
				t.Fatal(err)
			}
			return b.Credentials(c)
		},
		"DangerousMinVersion":    func(b Builder, n int) Builder { return b.DangerousMinVersion(tls.VersionTLS10 + uint16(n%2)) },
		"DangerousPlaintextAuth": func(b Builder, _ int) Builder { return b.DangerousPlaintextAuth() },
		"DangerousSkipVerify":    func(b Builder, _ int) Builder { return b.DangerousSkipVerify() },
		"Dialer": func(b Builder, _ int) Builder {
			return b.Dialer(func(context.Context, string, string) (net.Conn, error) { return nil, net.ErrClosed })
		},
		"DisableExtensions": func(b Builder, n int) Builder { return b.DisableExtensions(extension.Keyword("X" + word(n))) },
		"ExtraRoots":        func(b Builder, n int) Builder { return b.ExtraRoots([]byte{byte(n)}) },
		"HelloName":         func(b Builder, n int) Builder { return b.HelloName(word(n) + ".example.org") },
		"LocalAddr":         func(b Builder, n int) Builder { return b.LocalAddr(&net.TCPAddr{Port: n}) },
		"Login":             func(b Builder, n int) Builder { return b.Login(word(n), word(n)) },
		"Mechanisms":        func(b Builder, n int) Builder { return b.Mechanisms("PLAIN", word(n)) },
		"MinVersion":        func(b Builder, n int) Builder { return b.MinVersion(tls.VersionTLS12 + uint16(n%2)) },
		"Proxy":             func(b Builder, n int) Builder { return b.Proxy("socks5://" + word(n)) },
		"PinnedKeys":        func(b Builder, n int) Builder { return b.PinnedKeys(client.Pin{byte(n)}.String()) },
		"Pool":              func(b Builder, n int) Builder { return b.Pool(Pool{MaxOpen: n}) },
		"Port":              func(b Builder, n int) Builder { return b.Port(n) },
		"ResendUnsent":      func(b Builder, _ int) Builder { return b.ResendUnsent() },
		"ServerName":        func(b Builder, n int) Builder { return b.ServerName(word(n)) },
		"TLSConfig":         func(b Builder, n int) Builder { return b.TLSConfig(&tls.Config{ServerName: word(n)}) },
		"Timeout":           func(b Builder, n int) Builder { return b.Timeout(limit(n)) },
		"Timeouts":          func(b Builder, n int) Builder { return b.Timeouts(client.Timeouts{Dial: limit(n)}) },
		"Trace":             func(b Builder, _ int) Builder { return b.Trace(func(client.Event) {}) },
		"TrustedKeys":       func(b Builder, n int) Builder { return b.TrustedKeys(client.Pin{byte(n)}.String()) },
		"VerifyConnection": func(b Builder, _ int) Builder {
			return b.VerifyConnection(func(tls.ConnectionState) error { return nil })
		},
		"WaitForRelay": func(b Builder, n int) Builder { return b.WaitForRelay(limit(n)) },
	}
}

// threeOfAll is a builder with three of everything that a step adds to: the fourth would be written into room that
// two builders share, when a fork does not take room of its own.
func threeOfAll() Builder {
	b := Relay("smtp.example.org").TLSConfig(&tls.Config{ServerName: "base"})
	for n := 1; n <= 3; n++ {
		b = b.DisableExtensions(extension.Keyword(string(rune('A'+n)))).PinnedKeys(client.Pin{99, byte(n)}.String(), "no pin").
			ExtraRoots([]byte{99, byte(n)}).ClientCertificate(tls.Certificate{Certificate: [][]byte{{99, byte(n)}}})
		b = b.TrustedKeys(client.Pin{98, byte(n)}.String()).step(func(s *state) {
			s.security.rootFiles = append(s.security.rootFiles, "x")
			s.login.mechanisms = append(s.login.mechanisms, "X")
		})
	}
	return b
}

// TestCloneIsolation: two forks of one builder that take the same step with other arguments are what each would be
// alone. Otherwise pins, certificates or roots of one relay are those of another.
func TestCloneIsolation(t *testing.T) {
	all := builderSteps(t)
	typ := reflect.TypeFor[Builder]()
	for m := range typ.Methods() {
		if m.Type.NumOut() == 1 && m.Type.Out(0) == typ && all[m.Name] == nil {
			t.Errorf("step %s is not in the table", m.Name)
		}
	}
	all["a file that a URL names"] = func(b Builder, n int) Builder {
		return b.step(func(s *state) { s.security.rootFiles = append(s.security.rootFiles, string(rune('a'+n))) })
	}
	all["a mechanism that a URL names"] = func(b Builder, n int) Builder {
		return b.step(func(s *state) { s.login.mechanisms = append(s.login.mechanisms, string(rune('a'+n))) })
	}
	all["a fault"] = func(b Builder, n int) Builder { return b.PinnedKeys("no pin " + string(rune('a'+n))) }
	for name, step := range all {
		for range 2 {
			base := threeOfAll()
			a, b := base.Clone(), base.Clone()
			a, b = step(a, 1), step(b, 2)
			base = step(base, 3)
			for n, fork := range map[int]Builder{1: a, 2: b, 3: base} {
				if diff := cmp.Diff(settled(t, step(threeOfAll(), n)), settled(t, fork), compareStates); diff != "" {
					t.Errorf("%s(%d) (-alone +fork):\n%s", name, n, diff)
				}
			}
		}
	}
}

// TestTLSConfigOfAForkIsItsOwn: what the caller or one fork changes in a TLS configuration is not seen by another.
func TestTLSConfigOfAForkIsItsOwn(t *testing.T) {
	given := &tls.Config{ServerName: "given"}
	base := Relay("smtp.example.org").TLSConfig(given)
	fork := base.Clone()
	given.ServerName = "changed"
	fork = fork.step(func(s *state) { s.config.TLSConfig.ServerName = "fork" })
	for want, b := range map[string]Builder{"given": base, "fork": fork} {
		config, err := b.ClientConfig()
		if err != nil || config.TLSConfig.ServerName != want {
			t.Errorf("server name %q, %v, want %q", config.TLSConfig.ServerName, err, want)
		}
	}
}

// settled is the state of a builder before its check.
func settled(t *testing.T, b Builder) state {
	t.Helper()
	if err := b.handle.Finish(); err != nil {
		t.Fatal(err)
	}
	return *b.state
}

var compareStates = cmp.Options{
	cmp.Exporter(func(t reflect.Type) bool {
		return t != reflect.TypeFor[tls.Config]() && t != reflect.TypeFor[x509.CertPool]()
	}),
	cmp.Comparer(func(a, b error) bool { return (a == nil) == (b == nil) && (a == nil || a.Error() == b.Error()) }),
	cmp.Comparer(func(a, b *tls.Config) bool {
		return (a == nil) == (b == nil) && (a == nil || a.ServerName == b.ServerName)
	}),
	cmp.Comparer(func(a, b authentication.Credentials) bool { return a.User() == b.User() }),
	cmp.FilterValues(func(a, b any) bool { return isFunc(a) && isFunc(b) }, cmp.Comparer(func(a, b any) bool {
		return reflect.ValueOf(a).IsNil() == reflect.ValueOf(b).IsNil()
	})),
}

func isFunc(v any) bool { return v != nil && reflect.TypeOf(v).Kind() == reflect.Func }

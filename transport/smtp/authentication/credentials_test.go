package authentication_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/transport/smtp/authentication"
)

func TestCredentialsDoNotPrint(t *testing.T) {
	type holder struct {
		C      authentication.Credentials
		P      *authentication.Credentials
		hidden authentication.Credentials // fmt does not call methods of unexported fields
	}
	source := func(context.Context) (string, error) { return secret, nil }
	for name, c := range map[string]authentication.Credentials{
		"password": credentials(),
		"token":    must(authentication.Token("user", secret)),
		"acting":   must(credentials().WithAuthorizationID("boss")),
		"only":     must(credentials().WithMechanisms("PLAIN")),
		"resolved": must(must(authentication.PasswordFrom("user", source)).Resolve(t.Context())),
	} {
		t.Run(name, func(t *testing.T) {
			h := holder{c, &c, c}
			var out strings.Builder
			for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
				fmt.Fprintf(&out, format+format+format, c, &c, h)
			}
			text, err := json.Marshal(h)
			if err != nil {
				t.Fatal(err)
			}
			out.Write(text)
			slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "credentials", c, "holder", h)
			slog.New(slog.NewTextHandler(&out, nil)).Info("x", "credentials", c, "holder", h)
			for _, leak := range []string{secret, fmt.Sprintf("%x", secret)} {
				if strings.Contains(out.String(), leak) {
					t.Errorf("%q is in %s", leak, out.String())
				}
			}
			if !strings.Contains(out.String(), "user:***") {
				t.Errorf("no user name in %s", out.String())
			}
		})
	}
}

func TestMask(t *testing.T) {
	c := credentials()
	for text, want := range map[string]string{
		"no secret here": "no secret here",
		secret + " and " + base64.StdEncoding.EncodeToString([]byte(secret)): "*** and ***",
	} {
		if got := c.Mask(text); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	for _, c := range []authentication.Credentials{{}, must(authentication.External("x"))} {
		if got := c.Mask("x"); got != "x" {
			t.Errorf("no secret: %q", got)
		}
	}
}

// TestRefused makes credentials of what cannot be sent.
func TestRefused(t *testing.T) {
	password := func(user, secret string) func() (authentication.Credentials, error) {
		return func() (authentication.Credentials, error) { return authentication.Password(user, secret) }
	}
	token := func(user, secret string) func() (authentication.Credentials, error) {
		return func() (authentication.Credentials, error) { return authentication.Token(user, secret) }
	}
	for name, make := range map[string]func() (authentication.Credentials, error){
		"no user":         password("", "pqr"),
		"no password":     password("u", ""),
		"NUL in user":     password("u\x00", "pqr"),
		"NUL in secret":   password("u", "p\x00qr"),
		"SOH in user":     token("u\x01auth=Bearer x", "pqr"),
		"no token":        token("u", ""),
		"SOH in token":    token("u", "pqr\x01"),
		"blank in token":  token("u", "pqr s"),
		"no source":       func() (authentication.Credentials, error) { return authentication.TokenFrom("u", nil) },
		"NUL in identity": func() (authentication.Credentials, error) { return authentication.External("\x00pqr") },
		"NUL in trace":    func() (authentication.Credentials, error) { return authentication.Anonymous("\x00pqr") },
		"long trace": func() (authentication.Credentials, error) {
			return authentication.Anonymous(strings.Repeat("x", 256))
		},
		"no mechanism": func() (authentication.Credentials, error) { return authentication.Custom("u") },
		"nil maker":    func() (authentication.Credentials, error) { return authentication.Custom("u", nil) },
		"acts as \"\"": func() (authentication.Credentials, error) { return credentials().WithAuthorizationID("") },
		"NUL in whom":  func() (authentication.Credentials, error) { return credentials().WithAuthorizationID("\x00pqr") },
		"a token acts": func() (authentication.Credentials, error) {
			return must(authentication.Token("u", "t")).WithAuthorizationID("pqr")
		},
		"nobody acts": func() (authentication.Credentials, error) {
			return authentication.Credentials{}.WithAuthorizationID("pqr")
		},
		"only unknown":  func() (authentication.Credentials, error) { return credentials().WithMechanisms("XOAUTH2") },
		"only in lower": func() (authentication.Credentials, error) { return credentials().WithMechanisms("plain") },
		"only nothing":  func() (authentication.Credentials, error) { return credentials().WithMechanisms() },
		"only for nothing": func() (authentication.Credentials, error) {
			return authentication.Credentials{}.WithMechanisms("PLAIN")
		},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := make()
			if err == nil || !c.IsZero() {
				t.Fatal("accepted")
			}
			if strings.Contains(err.Error(), "pqr") {
				t.Errorf("the error shows the secret: %v", err)
			}
		})
	}
}

func TestSources(t *testing.T) {
	asked, said, failure := 0, "one", error(nil)
	c := must(authentication.PasswordFrom("user", func(context.Context) (string, error) {
		asked++
		return said, failure
	}))
	plain := func() string {
		resolved, err := c.Resolve(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return string(must(must(authentication.Choose(resolved, offer(true, "PLAIN")))[0].Start()))
	}
	if got := plain(); got != "\x00user\x00one" {
		t.Errorf("%q", got)
	}
	said = "two"
	if got := plain(); got != "\x00user\x00two" || asked != 2 {
		t.Errorf("%q after %d questions", got, asked)
	}
	said, failure = "", errors.New("vault is sealed")
	_, err := c.Resolve(t.Context())
	wantKind(t, err, authentication.KindNoSecret)
	if !errors.Is(err, failure) {
		t.Errorf("%v does not wrap the source's error", err)
	}
	failure = nil
	_, err = c.Resolve(t.Context())
	wantKind(t, err, authentication.KindNoSecret) // an empty password
}

func TestFile(t *testing.T) {
	for name, tc := range map[string]struct {
		text, want string
		kind       authentication.Kind
	}{
		"bare":           {"p w", "p w", 0},
		"line":           {"p w\n", "p w", 0},
		"CRLF":           {"p w\r\n", "p w", 0},
		"only one line":  {"p w\n\n", "p w\n", 0},
		"empty":          {"\n", "", authentication.KindNoSecret},
		"something else": {strings.Repeat("x", 64<<10+1), "", authentication.KindNoSecret},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "secret")
			if err := os.WriteFile(path, []byte(tc.text), 0o600); err != nil {
				t.Fatal(err)
			}
			c := must(authentication.PasswordFrom("user", authentication.File(path)))
			resolved, err := c.Resolve(t.Context())
			if wantKind(t, err, tc.kind); err != nil {
				return
			}
			if got := string(must(must(authentication.Choose(resolved, offer(true, "PLAIN")))[0].Start())); got != "\x00user\x00"+tc.want {
				t.Errorf("%q", got)
			}
		})
	}
	_, err := must(authentication.PasswordFrom("user", authentication.File("/nonexistent/secret"))).Resolve(t.Context())
	wantKind(t, err, authentication.KindNoSecret)
	if !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

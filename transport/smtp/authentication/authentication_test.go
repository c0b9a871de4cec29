package authentication_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/transport/smtp/authentication"
)

const secret = "s3cret/pass"

func credentials(t *testing.T) authentication.Credentials {
	t.Helper()
	c, err := authentication.Password("user", secret)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestCredentialsDoNotPrint(t *testing.T) {
	c := credentials(t)
	type holder struct {
		C      authentication.Credentials
		P      *authentication.Credentials
		hidden authentication.Credentials // fmt does not call methods of unexported fields
	}
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
}

func TestMask(t *testing.T) {
	c := credentials(t)
	for text, want := range map[string]string{
		"no secret here": "no secret here",
		secret + " and " + base64.StdEncoding.EncodeToString([]byte(secret)): "*** and ***",
	} {
		if got := c.Mask(text); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if got := (authentication.Credentials{}).Mask("x"); got != "x" {
		t.Errorf("no credentials: %q", got)
	}
}

func TestPasswordRefuses(t *testing.T) {
	for _, pair := range [][2]string{{"", "p"}, {"u", ""}, {"u\x00", "p"}, {"u", "p\x00q"}} {
		if c, err := authentication.Password(pair[0], pair[1]); err == nil || !c.IsZero() {
			t.Errorf("%q was accepted", pair)
		} else if pair[1] != "" && strings.Contains(err.Error(), pair[1]) {
			t.Errorf("the error shows the password: %v", err)
		}
	}
}

func TestChoose(t *testing.T) {
	cases := map[string]struct {
		offered []string
		secure  bool
		want    string
		err     error
	}{
		"the stronger one":          {[]string{"LOGIN", "PLAIN"}, true, "PLAIN", nil},
		"the only one":              {[]string{"XOAUTH2", "LOGIN"}, true, "LOGIN", nil},
		"nothing offered":           {nil, true, "", authentication.ErrNotOffered},
		"R-224 only unknown ones":   {[]string{"GSSAPI"}, true, "", authentication.ErrNoMechanism},
		"R-103 no TLS":              {[]string{"PLAIN", "LOGIN"}, false, "", authentication.ErrNeedsTLS},
		"a name that only contains": {[]string{"PLAIN-CLIENTTOKEN"}, true, "", authentication.ErrNoMechanism},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			m, err := authentication.Choose(credentials(t), tc.offered, tc.secure)
			if !errors.Is(err, tc.err) {
				t.Fatalf("got %v, want %v", err, tc.err)
			}
			if err == nil && m.Name() != tc.want {
				t.Errorf("chose %s, want %s", m.Name(), tc.want)
			}
		})
	}
}

func TestExchanges(t *testing.T) {
	for name, want := range map[string][]string{
		"PLAIN": {"\x00user\x00" + secret},
		"LOGIN": {"", "user", secret},
	} {
		t.Run(name, func(t *testing.T) {
			m, err := authentication.Choose(credentials(t), []string{name}, true)
			if err != nil {
				t.Fatal(err)
			}
			got, err := m.Start()
			for i, w := range want {
				if string(got) != w || err != nil {
					t.Errorf("step %d: %q, %v; want %q", i, got, err, w)
				}
				if m.Done() != (i == len(want)-1) {
					t.Errorf("step %d: done is %v", i, m.Done())
				}
				got, err = m.Next([]byte("any prompt"))
			}
			if err == nil {
				t.Errorf("R-202, R-203: a further challenge was answered with %q", got)
			}
		})
	}
}

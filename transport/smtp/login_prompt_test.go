package smtp_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/depeche-mail/depeche/transport/smtp"
	"github.com/depeche-mail/depeche/transport/smtp/authentication"
	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
)

// TestLoginPrompts: the prompts of LOGIN are ignored, also where they are not base64 or have a blank after it.
func TestLoginPrompts(t *testing.T) {
	for name, prompts := range map[string][]string{
		"in clear":       {"334 Username:", "334 Password:"},
		"a blank after":  {"334 VXNlcm5hbWU6 ", "334 UGFzc3dvcmQ6 "},
		"something else": {"334 !", "334 e30="},
		"nothing":        {"334 ", "334 "},
	} {
		srv := smtptest.NewUnstartedServer(t)
		srv.Config.Mechanisms = map[string]smtptest.Mechanism{"LOGIN": says(append(prompts, "235 2.7.0 ok")...)}
		srv.Start()
		if err := build(t, relay(srv).Credentials(identity(t, "LOGIN", smtptest.Password))).Check(t.Context()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestTokenWithoutUser: a token that says who it is for logs in by OAUTHBEARER, and not by XOAUTH2, which needs a user.
func TestTokenWithoutUser(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(path, []byte("ya29.token"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		mechanism string
		works     bool
	}{
		{"OAUTHBEARER", true},
		{"XOAUTH2", false},
	} {
		srv, _ := secure(t, func(c *smtptest.Config) {
			c.Mechanisms = map[string]smtptest.Mechanism{tc.mechanism: says("235 2.7.0 ok")}
		})
		sender := build(t, smtp.FromURL("smtps://"+srv.Addr()+"?token_file="+path).TLSConfig(srv.ClientTLS()))
		if err := sender.Check(t.Context()); (err == nil) != tc.works {
			t.Errorf("%s: %v", tc.mechanism, err)
		}
	}
}

// TestMechanismFunc: mechanisms of the package in the order of the caller, beside one of the caller's own.
func TestMechanismFunc(t *testing.T) {
	password, err := authentication.Password(smtptest.User, smtptest.Password)
	if err != nil {
		t.Fatal(err)
	}
	var makers []authentication.MechanismFunc
	for _, name := range []string{"SCRAM-SHA-256-PLUS", "LOGIN", "PLAIN"} {
		f, err := password.MechanismFunc(name)
		if err != nil {
			t.Fatal(err)
		}
		makers = append(makers, f)
	}
	c, err := authentication.Custom(smtptest.User, makers...)
	if err != nil {
		t.Fatal(err)
	}
	srv := smtptest.NewUnstartedServer(t)
	srv.Config.Security = smtptest.Plaintext // SCRAM-SHA-256-PLUS has nothing to bind to
	srv.Start()
	sender := build(t, smtp.DangerousPlaintext(srv.Host()).Port(srv.Port()).DangerousPlaintextAuth().Credentials(c))
	if err := sender.Check(t.Context()); err != nil {
		t.Error(err)
	}
	if s := srv.Sessions()[0]; !strings.Contains(s.String(), "AUTH LOGIN") {
		t.Errorf("another mechanism:\n%s", s)
	}
	source, err := authentication.PasswordFrom("u", authentication.File("/none"))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]authentication.Credentials{"NTLM": password, "OAUTHBEARER": password, "PLAIN": source, "LOGIN": {}} {
		if f, err := c.MechanismFunc(name); err == nil || f != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestRefusedTokenIsDropped: the source of a token is told that the relay refused it, so that the next login has a new one.
func TestRefusedTokenIsDropped(t *testing.T) {
	srv, b := secure(t, func(c *smtptest.Config) {
		c.Users = map[string]string{"user": "t2"}
		c.Mechanisms = map[string]smtptest.Mechanism{"XOAUTH2": smtptest.XOAuth2}
	})
	fetched := 0
	token, err := authentication.NewRenewed(func(context.Context) (string, time.Time, error) {
		fetched++
		return fmt.Sprintf("t%d", fetched), time.Time{}, nil
	}, 0)
	if err != nil {
		t.Fatal(err)
	}
	credentials, err := authentication.TokenRenewed("user", token)
	if err != nil {
		t.Fatal(err)
	}
	sender := build(t, b.TLSConfig(srv.ClientTLS()).Credentials(credentials).Pool(smtp.Pool{MaxMessages: 1}))
	if err := sender.Check(t.Context()); err == nil {
		t.Error("the first token was accepted")
	}
	for range 2 {
		if _, err := sender.Send(t.Context(), mail(t, "b@example.org")); err != nil {
			t.Error(err)
		}
	}
	if fetched != 2 {
		t.Errorf("%d fetches", fetched)
	}
}

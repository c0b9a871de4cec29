package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
)

func TestEmbedded(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	var out bytes.Buffer
	if err := embedded(t.Context(), &out, "Zoë Müller <zoe@example.org>"); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"hei@example.org      accepted", "yuin@example.org     accepted", "nobody@example.org   rejected  550 5.1.1",
		"C: STARTTLS", "-- TLS 1.3", "C: AUTH PLAIN ***", "quickstart-",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in\n%s", want, out.String())
		}
	}
	if strings.Contains(out.String(), smtptest.Password) {
		t.Error("the output shows the password")
	}
}

func TestRelay(t *testing.T) {
	srv := smtptest.NewUnstartedServer(t)
	srv.Config.Security = smtptest.Plaintext
	srv.Config.Mechanisms = map[string]smtptest.Mechanism{}
	srv.Start()
	var out bytes.Buffer
	if err := relay(t.Context(), &out, "smtp://"+srv.Addr(), "a@example.org", "b@example.org"); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "b@example.org        accepted") || len(srv.Messages()) != 1 {
		t.Error(out.String())
	}
	if err := relay(t.Context(), &out, "smtp://"+srv.Addr(), "a@example.org", ""); err == nil {
		t.Error("sent to nobody")
	}
}

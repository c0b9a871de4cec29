package depeche_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche"
	"github.com/depeche-mail/depeche/message"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
	"github.com/depeche-mail/depeche/transport/stub"
)

func note(t *testing.T) *message.Message {
	t.Helper()
	m, err := message.New().From("a@example.org").To("b@example.org").Subject("x").Text("Be happy!\n").Build()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func plainServer(t *testing.T, change func(*smtptest.Config)) *smtptest.Server {
	t.Helper()
	srv := smtptest.NewUnstartedServer(t)
	srv.Config.Security = smtptest.Plaintext
	srv.Config.Mechanisms = map[string]smtptest.Mechanism{}
	if change != nil {
		change(&srv.Config)
	}
	srv.Start()
	return srv
}

// TestSender: what Open returns sends, sends many, checks, counts connections, and can be closed whatever was done
// before.
func TestSender(t *testing.T) {
	srv := plainServer(t, nil)
	sender, err := depeche.Open(srv.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := sender.Close(); err != nil {
			t.Error(err)
		}
	}()
	if err := sender.Check(t.Context()); err != nil {
		t.Error(err)
	}
	accepted := 0
	for sent, err := range sender.SendAll(t.Context(), slices.Values([]transport.Mail{note(t), note(t)})) {
		if err != nil {
			t.Error(err)
		}
		accepted += sent.Result.Count(transport.Accepted)
	}
	if _, err := sender.Send(t.Context(), note(t)); err != nil || accepted != 2 || len(srv.Messages()) != 3 {
		t.Errorf("%v: %d accepted in bulk, %d messages", err, accepted, len(srv.Messages()))
	}
	if stats, ok := sender.Stats(); !ok || stats.Opened == 0 {
		t.Errorf("%+v, %v", stats, ok)
	}
	if err := sender.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := sender.Send(t.Context(), note(t)); !errors.Is(err, transport.ErrClosed) {
		t.Errorf("after Shutdown: %v", err)
	}
	if err := sender.Check(t.Context()); err == nil {
		t.Error("a closed sender is ready")
	}
}

// TestSenderWithoutConnections: a transport without connections has no figures of them, and can be reached.
func TestSenderWithoutConnections(t *testing.T) {
	sender, err := depeche.Open("stub:")
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := sender.Stats(); ok {
		t.Error("a stub has connections")
	}
	if _, err := sender.Send(t.Context(), note(t)); err != nil {
		t.Fatal(err)
	}
	if n := len(sender.Unwrap().(*stub.Transport).Messages()); n != 1 {
		t.Errorf("%d messages recorded", n)
	}
}

// TestSendReadsPasswordFile: a one-shot Send takes the password from where OpenEnv takes it, and a URL that is complete
// needs none.
func TestSendReadsPasswordFile(t *testing.T) {
	srv := smtptest.NewServer(t)
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte(smtptest.Password+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	roots := filepath.Join(t.TempDir(), "roots.pem")
	if err := os.WriteFile(roots, srv.AuthorityPEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	url := strings.Replace(srv.URL(), "//", "//"+smtptest.User+"@", 1) + "?tls_roots=" + roots
	t.Setenv(depeche.EnvPasswordFile, file)
	if result, err := depeche.Send(t.Context(), url, note(t)); err != nil {
		t.Errorf("%v, %v", result, err)
	}
	plain := plainServer(t, nil)
	if result, err := depeche.Send(t.Context(), plain.URL(), note(t)); err != nil {
		t.Errorf("a relay without login: %v, %v", result, err)
	}
	t.Setenv(depeche.EnvPasswordFile, file+"x")
	if _, err := depeche.Send(t.Context(), url, note(t)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
}

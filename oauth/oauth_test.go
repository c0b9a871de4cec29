package oauth_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/oauth"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/smtp"
	"github.com/depeche-mail/depeche/transport/smtp/authentication"
	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
)

// tokenServer is an authorization server that gives the tokens t1, t2 ... and remembers what it was asked for.
type tokenServer struct {
	*httptest.Server

	mu     sync.Mutex
	asked  []string
	answer func(n int, w http.ResponseWriter) bool // true: it has answered
}

func newTokenServer(t *testing.T) *tokenServer {
	t.Helper()
	s := &tokenServer{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		s.mu.Lock()
		s.asked = append(s.asked, fmt.Sprintf("%s %s:%s %s %s", r.FormValue("grant_type"), user, password, r.FormValue("refresh_token"), r.FormValue("scope")))
		n, answer := len(s.asked), s.answer
		s.mu.Unlock()
		if answer != nil && answer(n, w) {
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"access_token": fmt.Sprintf("t%d", n), "token_type": "Bearer", "expires_in": 3600, "refresh_token": fmt.Sprintf("r%d", n)})
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *tokenServer) requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.asked...)
}

// relay is a mail server that takes the tokens that good says.
func relay(t *testing.T, good func(token string) bool) (*smtptest.Server, smtp.Builder) {
	t.Helper()
	srv := smtptest.NewUnstartedServer(t)
	srv.Config.Mechanisms = map[string]smtptest.Mechanism{"XOAUTH2": func(x *smtptest.SASL) (string, error) {
		response, _, err := x.Initial()
		_, token, _ := strings.Cut(string(response), "auth=Bearer ")
		if err == nil && !good(strings.TrimRight(token, "\x01")) {
			return "", &smtptest.ReplyError{Reply: "535 5.7.3 token refused"}
		}
		return "jane", err
	}}
	srv.StartImplicitTLS()
	return srv, smtp.Relay(srv.Host()).Port(srv.Port()).ExtraRoots(srv.AuthorityPEM())
}

func mail(t *testing.T) transport.Mail {
	t.Helper()
	env, err := envelope.Parse("a@example.org", "b@example.org")
	if err != nil {
		t.Fatal(err)
	}
	return transport.Raw(env, []byte("Subject: x\r\n\r\nx\r\n"))
}

func build(t *testing.T, b smtp.Builder, c oauth.Config) *smtp.Transport {
	t.Helper()
	credentials, err := c.Credentials("jane")
	if err != nil {
		t.Fatal(err)
	}
	sender, err := b.Credentials(credentials).Build()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sender.Close() })
	return sender
}

// TestClientCredentials: ten connections that log in at once ask for one token, and a token that the relay refuses is asked for anew.
func TestClientCredentials(t *testing.T) {
	tokens := newTokenServer(t)
	var mu sync.Mutex
	refused := map[string]bool{}
	srv, b := relay(t, func(token string) bool { mu.Lock(); defer mu.Unlock(); return !refused[token] })
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("s3cret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	sender := build(t, b.Pool(smtp.Pool{MaxOpen: 10, MaxMessages: 1}), oauth.Config{TokenURL: tokens.URL, ClientID: "app", ClientSecretFile: secret, Scopes: []string{"mail"}})
	var all sync.WaitGroup
	for range 10 {
		all.Go(func() {
			if _, err := sender.Send(t.Context(), mail(t)); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if got := tokens.requests(); len(got) != 1 || got[0] != "client_credentials app:s3cret  mail" {
		t.Errorf("asked for %q", got)
	}
	mu.Lock()
	refused["t1"] = true
	mu.Unlock()
	if _, err := sender.Send(t.Context(), mail(t)); err == nil {
		t.Error("a refused token was accepted")
	}
	if _, err := sender.Send(t.Context(), mail(t)); err != nil {
		t.Errorf("after the refused token: %v", err)
	}
	if got := tokens.requests(); len(got) != 2 || len(srv.Messages()) != 11 {
		t.Errorf("asked for %q, %d messages", got, len(srv.Messages()))
	}
}

// TestRefreshToken: the token that a user has granted is used, and after it the one that came in its place.
func TestRefreshToken(t *testing.T) {
	tokens := newTokenServer(t)
	var mu sync.Mutex
	last := "t1"
	_, b := relay(t, func(token string) bool { mu.Lock(); defer mu.Unlock(); return token == last })
	sender := build(t, b.Pool(smtp.Pool{MaxMessages: 1}), oauth.Config{TokenURL: tokens.URL, ClientID: "app", RefreshToken: smtp.NewSecret("r0")})
	for n := 1; n <= 3; n++ {
		mu.Lock()
		last = fmt.Sprintf("t%d", n)
		mu.Unlock()
		if n > 1 { // the old token is refused and dropped
			if _, err := sender.Send(t.Context(), mail(t)); err == nil {
				t.Error("the old token was accepted")
			}
		}
		if _, err := sender.Send(t.Context(), mail(t)); err != nil {
			t.Error(err)
		}
	}
	got := strings.Join(tokens.requests(), "\n")
	for n := range 3 {
		if !strings.Contains(got, fmt.Sprintf(" r%d ", n)) {
			t.Errorf("refresh token r%d was not used:\n%s", n, got)
		}
	}
}

// TestServerFails: the mail is NotSent for now, and the error says why and shows no secret.
func TestServerFails(t *testing.T) {
	for name, tc := range map[string]struct {
		answer func(int, http.ResponseWriter) bool
		want   string
	}{
		"refused": {func(_ int, w http.ResponseWriter) bool {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusBadRequest)
			_, _ = w.Write([]byte(`{"error":"invalid_client","error_description":"hunter2 is wrong"}`))
			return true
		}, "invalid_client"},
		"broken": {func(_ int, w http.ResponseWriter) bool {
			http.Error(w, "you said hunter2", http.StatusInternalServerError)
			return true
		}, "500"},
	} {
		t.Run(name, func(t *testing.T) {
			tokens := newTokenServer(t)
			tokens.answer = tc.answer
			_, b := relay(t, func(string) bool { return true })
			result, err := build(t, b, oauth.Config{TokenURL: tokens.URL, ClientID: "app", ClientSecret: smtp.NewSecret("hunter2")}).Send(t.Context(), mail(t))
			why, ok := errors.AsType[*authentication.Error](err)
			if !ok || why.Kind != authentication.KindNoSecret || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%v", err)
			}
			if result.Recipients[0].Outcome != transport.NotSent {
				t.Errorf("%v", result.Recipients)
			}
		})
	}
}

// TestSilentServer: a request that the server does not answer ends by the limit of the configuration.
func TestSilentServer(t *testing.T) {
	tokens := newTokenServer(t)
	release := make(chan struct{})
	defer close(release)
	tokens.answer = func(int, http.ResponseWriter) bool { <-release; return true }
	_, b := relay(t, func(string) bool { return true })
	sender := build(t, b, oauth.Config{TokenURL: tokens.URL, ClientID: "app", ClientSecret: smtp.NewSecret("s"), Timeout: smtp.Duration(50 * time.Millisecond)})
	if _, err := sender.Send(t.Context(), mail(t)); err == nil || !strings.Contains(err.Error(), "deadline exceeded") {
		t.Error(err)
	}
}

// TestConfig: it is read from a file, prints without secrets, and every fault is found at once.
func TestConfig(t *testing.T) {
	var c oauth.Config
	if err := json.Unmarshal([]byte(`{"token_url":"https://id.example.org/token","client_id":"app","client_secret":"hunter2","refresh_token":"hunter3","timeout":"5s"}`), &c); err != nil {
		t.Fatal(err)
	}
	if c.ClientSecret.Reveal() != "hunter2" || c.Timeout != smtp.Duration(5*time.Second) {
		t.Errorf("%+v", c)
	}
	text, err := json.Marshal(c)
	credentials, wrong := c.Credentials("jane")
	printed := fmt.Sprintf("%v %+v %#v %s %+v %+v", c, c, c, text, struct{ hidden any }{c}, credentials)
	if err != nil || wrong != nil || strings.Contains(printed, "hunter") {
		t.Errorf("%s, %v, %v", printed, err, wrong)
	}
	for want, c := range map[string]oauth.Config{
		"token_url: want":      {ClientID: "app", ClientSecret: c.ClientSecret},
		"token_url: want the":  {TokenURL: "http://id.example.org/token", ClientID: "app", ClientSecret: c.ClientSecret},
		"client_id: is needed": {TokenURL: c.TokenURL, ClientSecret: c.ClientSecret},
		"client_secret: is":    {TokenURL: c.TokenURL, ClientID: "app"},
		"client_secret_file: ": {TokenURL: c.TokenURL, ClientID: "app", ClientSecret: c.ClientSecret, ClientSecretFile: "x"},
		"refresh_token_file: ": {TokenURL: c.TokenURL, ClientID: "app", RefreshToken: c.RefreshToken, RefreshTokenFile: "x"},
		"auth_style":           {TokenURL: c.TokenURL, ClientID: "app", ClientSecret: c.ClientSecret, AuthStyle: "basic"},
		"timeout":              {TokenURL: c.TokenURL, ClientID: "app", ClientSecret: c.ClientSecret, Timeout: -1},
	} {
		if _, err := c.Credentials("jane"); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter") {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

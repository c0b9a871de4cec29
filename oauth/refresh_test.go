package oauth_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/depeche-mail/depeche/oauth"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/smtp"
	"github.com/google/go-cmp/cmp"
)

// logIn gets a token by a login of its own, and returns why there is none.
func logIn(t *testing.T, sender transport.Transport) error {
	t.Helper()
	_, err := sender.Send(t.Context(), mail(t))
	return err
}

// everyLogin is a transport over a relay that takes all tokens, which are valid for so short a time that each login asks for one.
func everyLogin(t *testing.T, c oauth.Config) transport.Transport {
	t.Helper()
	_, b := relay(t, func(string) bool { return true })
	return build(t, b.Pool(smtp.Pool{MaxMessages: 1}), c)
}

// answerWith makes the server give tokens that have ended at once, with these refresh tokens or errors, one after the other.
func answerWith(tokens *tokenServer, answers ...string) {
	tokens.answer = func(n int, w http.ResponseWriter) bool {
		answer := answers[min(n, len(answers))-1]
		w.Header().Set("Content-Type", "application/json")
		switch answer {
		case "503":
			w.WriteHeader(http.StatusServiceUnavailable)
		case "invalid_grant":
			w.WriteHeader(http.StatusBadRequest)
			_, _ = w.Write([]byte(`{"error":"invalid_grant"}`))
		case "":
			_, _ = w.Write([]byte(`{"access_token":"t","token_type":"Bearer","expires_in":-1}`))
		default:
			_, _ = fmt.Fprintf(w, `{"access_token":"t","token_type":"Bearer","expires_in":-1,"refresh_token":%q}`, answer)
		}
		return true
	}
}

// refreshes returns the refresh tokens that the server was shown.
func (s *tokenServer) refreshes() (list []string) {
	for _, asked := range s.requests() {
		list = append(list, strings.Fields(asked)[2])
	}
	return list
}

// TestRefreshTokenIsKept: a passing error does not make the program forget the token that came in place of the configured one; a
// refusal of that token does.
func TestRefreshTokenIsKept(t *testing.T) {
	for name, tc := range map[string]struct{ answers, want []string }{
		"passing error": {[]string{"r1", "503", "r2", "r3"}, []string{"r0", "r1", "r1", "r2"}},
		"refused":       {[]string{"r1", "invalid_grant", "r2", "r3"}, []string{"r0", "r1", "r0", "r2"}},
		"no new one":    {[]string{"r1", "", "", ""}, []string{"r0", "r1", "r1", "r1"}},
	} {
		t.Run(name, func(t *testing.T) {
			tokens := newTokenServer(t)
			answerWith(tokens, tc.answers...)
			sender := everyLogin(t, oauth.Config{TokenURL: tokens.URL, ClientID: "app", RefreshToken: smtp.NewSecret("r0")})
			for n := range tc.want {
				failed := tc.answers[n] == "503" || tc.answers[n] == "invalid_grant"
				if err := logIn(t, sender); (err != nil) != failed {
					t.Errorf("login %d: %v", n, err)
				}
			}
			if diff := cmp.Diff(tc.want, tokens.refreshes()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestRefreshTokenFile: what is in the file now is used, unless the server has given another one in its place since.
func TestRefreshTokenFile(t *testing.T) {
	for name, tc := range map[string]struct{ answers, files, want []string }{
		"never rotated":   {[]string{"", "", ""}, []string{"r0", "new", "newer"}, []string{"r0", "new", "newer"}},
		"rotated":         {[]string{"r1", "r2", "r3"}, []string{"r0", "r0", "r0"}, []string{"r0", "r1", "r2"}},
		"granted again":   {[]string{"r1", "r2", "r3"}, []string{"r0", "new", "new"}, []string{"r0", "new", "r2"}},
		"being written":   {[]string{"r1", "r2"}, []string{"r0", "", "r0"}, []string{"r0", "r1"}},
		"the rotated one": {[]string{"r1", "", ""}, []string{"r0", "r1", "r1"}, []string{"r0", "r1", "r1"}},
	} {
		t.Run(name, func(t *testing.T) {
			tokens := newTokenServer(t)
			answerWith(tokens, tc.answers...)
			file := filepath.Join(t.TempDir(), "token")
			sender := everyLogin(t, oauth.Config{TokenURL: tokens.URL, ClientID: "app", RefreshTokenFile: file})
			for _, text := range tc.files {
				if err := os.WriteFile(file, []byte(text+"\n"), 0o600); err != nil {
					t.Fatal(err)
				}
				if err := logIn(t, sender); (err != nil) != (text == "") || err != nil && !strings.Contains(err.Error(), "is empty") {
					t.Errorf("%q: %v", text, err)
				}
			}
			if diff := cmp.Diff(tc.want, tokens.refreshes()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestAuthStyle: which way the server takes the client secret is found out once, and not at all where there is none or the
// configuration says it.
func TestAuthStyle(t *testing.T) {
	const inHeader, inForm = "app:s", ":"
	for name, tc := range map[string]struct {
		config oauth.Config
		want   []string
	}{
		"found out":            {oauth.Config{ClientSecret: smtp.NewSecret("s"), RefreshToken: smtp.NewSecret("r0")}, []string{inHeader, inForm, inForm, inForm}},
		"found out, a program": {oauth.Config{ClientSecret: smtp.NewSecret("s")}, []string{inHeader, inForm, inForm, inForm}},
		"configured":           {oauth.Config{ClientSecret: smtp.NewSecret("s"), AuthStyle: oauth.AuthPost}, []string{inForm, inForm, inForm}},
		"wrongly configured":   {oauth.Config{ClientSecret: smtp.NewSecret("s"), AuthStyle: oauth.AuthBasic}, []string{inHeader, inHeader, inHeader}},
		"no secret":            {oauth.Config{RefreshToken: smtp.NewSecret("r0")}, []string{inForm, inForm, inForm}},
	} {
		t.Run(name, func(t *testing.T) {
			tokens := newTokenServer(t)
			var got []string
			tokens.answer = func(n int, w http.ResponseWriter) bool {
				tokens.mu.Lock()
				defer tokens.mu.Unlock()
				got = append(got, strings.Fields(tokens.asked[n-1])[1])
				w.Header().Set("Content-Type", "application/json")
				if got[n-1] != inForm {
					w.WriteHeader(http.StatusUnauthorized)
					_, _ = w.Write([]byte(`{"error":"invalid_client"}`))
					return true
				}
				_, _ = w.Write([]byte(`{"access_token":"t","token_type":"Bearer","expires_in":-1}`))
				return true
			}
			tc.config.TokenURL, tc.config.ClientID = tokens.URL, "app"
			sender := everyLogin(t, tc.config)
			for range 3 {
				if err := logIn(t, sender); (err != nil) != (tc.config.AuthStyle == oauth.AuthBasic) {
					t.Error(err)
				}
			}
			tokens.mu.Lock()
			defer tokens.mu.Unlock()
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestServerSaysAnything: whatever is in the answer, the error is one short line without a secret.
func TestServerSaysAnything(t *testing.T) {
	const refresh, secret = "0.AXkAhunter2refresh", "hunter3secret"
	for name, tc := range map[string]struct {
		status int
		body   string
		header string
		want   string
	}{
		"a line end":             {400, `{"error":"a\nlevel=INFO ok"}`, "", "refused a token: 400 Bad Request"},
		"an escape":              {400, `{"error":"\u001b[2J"}`, "", "refused a token: 400 Bad Request"},
		"long":                   {403, `{"error":"` + strings.Repeat("x", 1<<19) + `"}`, "", "refused a token: 403 Forbidden"},
		"65 octets":              {400, `{"error":"` + strings.Repeat("x", 65) + `"}`, "", "refused a token: 400 Bad Request"},
		"64 octets":              {400, `{"error":"` + strings.Repeat("x", 64) + `"}`, "", "refused a token: " + strings.Repeat("x", 64)},
		"quotes":                 {400, `{"error":"\""}`, "", "refused a token: 400 Bad Request"},
		"the refresh token":      {400, `{"error":"` + refresh + `"}`, "", "refused a token: ***"},
		"the client secret":      {200, `{"error":"not ` + secret + `"}`, "", "refused a token: not ***"},
		"a status without words": {599, ``, "", "refused a token: 599"},
		"a header":               {307, ``, "http://%zz" + refresh + strings.Repeat("y", 4000), "Location"},
	} {
		t.Run(name, func(t *testing.T) {
			tokens := newTokenServer(t)
			tokens.answer = func(_ int, w http.ResponseWriter) bool {
				w.Header().Set("Content-Type", "application/json")
				if tc.header != "" {
					w.Header().Set("Location", tc.header)
				}
				w.WriteHeader(tc.status)
				_, _ = w.Write([]byte(tc.body))
				return true
			}
			c := oauth.Config{TokenURL: tokens.URL, ClientID: "app", ClientSecret: smtp.NewSecret(secret), RefreshToken: smtp.NewSecret(refresh), Timeout: smtp.Duration(10 * time.Second)}
			err := logIn(t, everyLogin(t, c))
			if err == nil {
				t.Fatal("no error")
			}
			text := err.Error()
			if !strings.Contains(text, tc.want) || strings.Contains(text, "hunter") || strings.ContainsAny(text, "\n\x1b") || len(text) > 1000 {
				t.Errorf("%.2000q", text)
			}
		})
	}
}

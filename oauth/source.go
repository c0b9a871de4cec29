package oauth

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/depeche-mail/depeche/transport/smtp"
	"github.com/depeche-mail/depeche/transport/smtp/authentication"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

// source gets the tokens of a Config. It is asked for one at a time.
type source struct {
	config Config
	// user and program are kept, because they remember which style of authentication the server takes: to find out costs a
	// second request, with the same refresh token.
	user    *oauth2.Config
	program *clientcredentials.Config
	// rotated is the refresh token that came in place of the configured one (RFC 6749 section 6), "" for none, and
	// replaced is the configured one at that time.
	rotated, replaced string
}

func newSource(c Config) *source {
	return &source{
		config:  c,
		user:    &oauth2.Config{ClientID: c.ClientID, Endpoint: oauth2.Endpoint{TokenURL: c.TokenURL}, Scopes: c.Scopes},
		program: &clientcredentials.Config{ClientID: c.ClientID, TokenURL: c.TokenURL, Scopes: c.Scopes},
	}
}

// fetch asks the authorization server for a token.
func (s *source) fetch(ctx context.Context) (string, time.Time, error) {
	secret, err := secretOf(ctx, s.config.ClientSecret, s.config.ClientSecretFile)
	if err != nil {
		return "", time.Time{}, err
	}
	style := authStyles[s.config.AuthStyle]
	if secret == "" { // there is nothing to find out: a client without a secret has only its name to say, in the form
		style = oauth2.AuthStyleInParams
	}
	if s.config.refreshes() {
		s.user.ClientSecret, s.user.Endpoint.AuthStyle = secret, style
		return s.refresh(ctx)
	}
	s.program.ClientSecret, s.program.AuthStyle = secret, style
	token, err := s.program.Token(ctx)
	if err != nil {
		return "", time.Time{}, s.config.hide(err, secret)
	}
	return token.AccessToken, token.Expiry, nil
}

// refresh asks for a token of the user.
func (s *source) refresh(ctx context.Context) (string, time.Time, error) {
	configured, err := secretOf(ctx, s.config.RefreshToken, s.config.RefreshTokenFile)
	if err != nil {
		return "", time.Time{}, err
	}
	if configured != s.replaced { // the user has granted a new one
		s.rotated = ""
	}
	refresh := configured
	if s.rotated != "" {
		refresh = s.rotated
	}
	token, err := s.user.TokenSource(ctx, &oauth2.Token{RefreshToken: refresh}).Token()
	if err != nil {
		if refused, ok := errors.AsType[*oauth2.RetrieveError](err); ok && refused.ErrorCode == "invalid_grant" {
			s.rotated = ""
		}
		return "", time.Time{}, s.config.hide(err, refresh, s.user.ClientSecret)
	}
	if token.RefreshToken != refresh { // without a new one, oauth2 returns that of the request
		s.rotated, s.replaced = token.RefreshToken, configured
	}
	return token.AccessToken, token.Expiry, nil
}

var errEmptyFile = errors.New("the file of a secret is empty")

// secretOf returns a secret, or that in a file. An empty file may be one that is being written.
func secretOf(ctx context.Context, secret smtp.Secret, file string) (string, error) {
	if file == "" {
		return secret.Reveal(), nil
	}
	text, err := authentication.File(file)(ctx)
	if err == nil && text == "" {
		err = fmt.Errorf("%s: %w", file, errEmptyFile)
	}
	return text, err
}

// Package oauth logs in to relays with access tokens of OAuth 2.0 that an authorization server gives, by configuration:
// client credentials for programs (RFC 6749 section 4.4), or a refresh token that a user has granted once (section 6).
// The protocol is golang.org/x/oauth2's; the tokens are kept and renewed by package authentication.
package oauth

import (
	"errors"
	"net/url"
	"time"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport/smtp"
	"github.com/depeche-mail/depeche/transport/smtp/authentication"
	"golang.org/x/oauth2"
)

// Config says where access tokens come from, as a configuration file has it. With a RefreshToken or its file they are those of the user
// who granted it, without one those of the client. It prints without its secrets.
type Config struct {
	// TokenURL is the token endpoint, such as https://login.microsoftonline.com/TENANT/oauth2/v2.0/token or
	// https://oauth2.googleapis.com/token. It must be https, unless its host is this machine.
	TokenURL string `json:"token_url" yaml:"token_url"`
	// ClientID is what the server calls the program.
	ClientID string `json:"client_id" yaml:"client_id"`
	// ClientSecret, or the file that holds it, is needed for client credentials; some servers want it for refresh tokens too.
	ClientSecret     smtp.Secret `json:"client_secret,omitzero"       yaml:"client_secret,omitempty"`
	ClientSecretFile string      `json:"client_secret_file,omitempty" yaml:"client_secret_file,omitempty"`
	// RefreshToken, or the file that holds it, is what a user has granted.
	RefreshToken     smtp.Secret `json:"refresh_token,omitzero"       yaml:"refresh_token,omitempty"`
	RefreshTokenFile string      `json:"refresh_token_file,omitempty" yaml:"refresh_token_file,omitempty"`
	// AuthStyle says how the client secret is sent. "" finds out: a first request that fails is made a second time in the other
	// way, with the same refresh token, and the way that worked is kept.
	AuthStyle AuthStyle `json:"auth_style,omitempty" yaml:"auth_style,omitempty"`
	// Scopes say what the tokens are for, such as https://outlook.office365.com/.default or https://mail.google.com/.
	Scopes []string `json:"scopes,omitempty" yaml:"scopes,omitempty"`
	// Timeout is how long one request may take: 30 s.
	Timeout smtp.Duration `json:"timeout,omitzero" yaml:"timeout,omitempty"`
}

// Credentials returns the credentials of a user whose tokens come from c, for smtp.Builder.Credentials. Nothing is asked for
// before the first login. The error joins every fault, each an *envelope.FieldError. Files are read for each request. A refresh
// token that the server gave in place of the configured one is used from memory, until the server refuses it or the
// configured one changes.
func (c Config) Credentials(user string) (authentication.Credentials, error) {
	if err := c.check(); err != nil {
		return authentication.Credentials{}, err
	}
	token, err := authentication.NewRenewed(newSource(c).fetch, time.Duration(c.Timeout))
	if err != nil {
		return authentication.Credentials{}, &envelope.FieldError{Field: "timeout", Value: c.Timeout.String(), Err: err}
	}
	return authentication.TokenRenewed(user, token)
}

// AuthStyle is how the client secret is sent to the token endpoint, by the names of RFC 7591 section 2.
type AuthStyle string

// The ways of RFC 6749 section 2.3.1.
const (
	AuthBasic AuthStyle = "client_secret_basic" // in the header field Authorization
	AuthPost  AuthStyle = "client_secret_post"  // in the form
)

var authStyles = map[AuthStyle]oauth2.AuthStyle{
	"": oauth2.AuthStyleAutoDetect, AuthBasic: oauth2.AuthStyleInHeader, AuthPost: oauth2.AuthStyleInParams,
}

var (
	errAuthStyle = errors.New("want client_secret_basic or client_secret_post, or nothing")
	errTokenURL  = errors.New("want the https URL of a token endpoint")
	errNeeded    = errors.New("is needed")
	errTwice     = errors.New("want the secret or the file that holds it")
)

func (c Config) check() error {
	var faults []error
	add := func(field string, err error) {
		faults = append(faults, &envelope.FieldError{Field: field, Err: err})
	}
	u, err := url.Parse(c.TokenURL)
	local := err == nil && (u.Hostname() == "localhost" || u.Hostname() == "127.0.0.1" || u.Hostname() == "::1")
	if err != nil || u.Host == "" || u.User != nil || u.Scheme != "https" && (u.Scheme != "http" || !local) {
		add("token_url", errTokenURL)
	}
	if c.ClientID == "" {
		add("client_id", errNeeded)
	}
	if !c.ClientSecret.IsZero() && c.ClientSecretFile != "" {
		add("client_secret_file", errTwice)
	}
	if !c.RefreshToken.IsZero() && c.RefreshTokenFile != "" {
		add("refresh_token_file", errTwice)
	}
	if !c.refreshes() && c.ClientSecret.IsZero() && c.ClientSecretFile == "" {
		add("client_secret", errNeeded)
	}
	if _, ok := authStyles[c.AuthStyle]; !ok {
		faults = append(faults, &envelope.FieldError{Field: "auth_style", Value: string(c.AuthStyle), Err: errAuthStyle})
	}
	return errors.Join(faults...)
}

// refreshes reports whether the tokens are those of a user.
func (c Config) refreshes() bool { return !c.RefreshToken.IsZero() || c.RefreshTokenFile != "" }

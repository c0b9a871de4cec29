package authentication

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Credentials say who logs in, and by which mechanisms that can be done. They print as the user name
// with the secret masked, also with %+v, %#v, in JSON and in slog. The zero value does not log in. They
// are immutable and safe for concurrent use.
type Credentials struct {
	// A pointer, because fmt prints unexported fields of a caller's struct by reflection, without
	// asking Format, and stops at pointers there.
	id *identity
}

// identity is what Credentials hold. It is never changed.
type identity struct {
	kind            kind
	user            string
	authorizationID string  // to act as; "" for the user
	hidden          *string // password or token; a pointer again, because fmt follows the first with %s
	source          SecretSource
	refused         func(secret string) // of a Renewed; nil for other sources
	only            []string            // names of the mechanisms that may be used; empty for all
	makers          []MechanismFunc     // of custom
}

// secret returns the password or token; "" without one, or a source that was not asked yet.
func (id *identity) secret() string {
	if id.hidden == nil {
		return ""
	}
	return *id.hidden
}

// kind is what a secret is, which decides on the mechanisms.
type kind uint8

const (
	password kind = iota
	token
	external
	anonymous
	custom
)

// SecretSource returns a password or a token. It is asked right before each login, by several goroutines at
// once where several connections are opened, and may block as long as ctx allows. An error ends the
// login with [KindNoSecret].
type SecretSource func(ctx context.Context) (string, error)

// Password returns the credentials of a user and a password.
func Password(user, secret string) (Credentials, error) {
	return withSecret(identity{kind: password, user: user, hidden: &secret})
}

// PasswordFrom returns the credentials of a user whose password comes from a source, for passwords
// that are changed while the program runs. See [File].
func PasswordFrom(user string, source SecretSource) (Credentials, error) {
	return withSource(identity{kind: password, user: user, source: source})
}

// Token returns the credentials of a user and an OAuth 2.0 access token (RFC 6750). The user may be empty where the token
// says who it is for; then only OAUTHBEARER can be used.
func Token(user, secret string) (Credentials, error) {
	return withSecret(identity{kind: token, user: user, hidden: &secret})
}

// TokenFrom returns the credentials of a user whose access token comes from a source, which refreshes it
// when it has to.
func TokenFrom(user string, source SecretSource) (Credentials, error) {
	return withSource(identity{kind: token, user: user, source: source})
}

// External returns the credentials of who is known to the server by other means, such as a client
// certificate, by the mechanism EXTERNAL (RFC 4422 appendix A). authorizationID is whom to act as, "" for the
// one that the server derives from the certificate.
func External(authorizationID string) (Credentials, error) {
	return withoutSecret(identity{kind: external, authorizationID: authorizationID})
}

// Anonymous returns credentials without a user, by the mechanism ANONYMOUS (RFC 4505). trace tells the
// server's operator who it may be, such as an address; it may be empty.
func Anonymous(trace string) (Credentials, error) {
	if len(trace) > 255 { // RFC 4505 section 2
		return Credentials{}, errors.New("trace of more than 255 octets")
	}
	return withoutSecret(identity{kind: anonymous, user: trace})
}

// Custom returns credentials that log in by mechanisms of the caller's own, from the strongest to the
// weakest. Each maker is called for each login. The secrets of such mechanisms are not known here, so user is printed
// as it is: leave it empty where it is one.
func Custom(user string, makers ...MechanismFunc) (Credentials, error) {
	if len(makers) == 0 || slices.ContainsFunc(makers, func(m MechanismFunc) bool { return m == nil }) {
		return Credentials{}, errors.New("credentials without a mechanism")
	}
	return Credentials{&identity{kind: custom, user: user, makers: slices.Clone(makers)}}, nil
}

// WithAuthorizationID returns c acting as another user (the authorization identity, RFC 4422 section 2), by mechanisms
// that can say so: SCRAM, PLAIN and EXTERNAL.
func (c Credentials) WithAuthorizationID(authorizationID string) (Credentials, error) {
	if c.IsZero() || c.id.kind != password && c.id.kind != external {
		return Credentials{}, errors.New("only credentials with a password or a certificate can act as another user")
	}
	if authorizationID == "" {
		return Credentials{}, errors.New("want the user to act as")
	}
	id := *c.id
	id.authorizationID = authorizationID
	return withoutSecret(id)
}

// MechanismFunc returns one of the mechanisms of this package, such as "PLAIN", with the secret of c: for [Custom], in
// another order than that of strength, or inside of a mechanism of the caller's own. c must hold its secret:
// [Credentials.Resolve] asks a source for it.
func (c Credentials) MechanismFunc(name string) (MechanismFunc, error) {
	if c.IsZero() || c.id.kind == custom || c.id.source != nil {
		return nil, errors.New("want credentials with a secret of their own: resolve those with a source")
	}
	for _, m := range methods {
		if m.name == name && m.kind == c.id.kind && (m.acts || c.id.authorizationID == "") {
			return func(s Session) Mechanism { return m.make(c.id, s) }, nil
		}
	}
	return nil, fmt.Errorf("mechanism %q: want one of %s", name, strings.Join(c.id.names(), " "))
}

// WithMechanisms returns c limited to some mechanisms, by their names in upper case. Their order is not changed.
func (c Credentials) WithMechanisms(names ...string) (Credentials, error) {
	if c.IsZero() || len(names) == 0 {
		return Credentials{}, errors.New("no credentials or no mechanisms")
	}
	if c.id.kind != custom {
		known := c.id.names()
		for _, name := range names {
			if !slices.Contains(known, name) {
				return Credentials{}, fmt.Errorf("mechanism %q: want one of %s", name, strings.Join(known, " "))
			}
		}
	}
	id := *c.id
	id.only = slices.Clone(names)
	return Credentials{&id}, nil
}

// IsZero reports whether c holds nothing.
func (c Credentials) IsZero() bool { return c.id == nil }

// User returns the user name; "" where there is none.
func (c Credentials) User() string {
	if c.IsZero() {
		return ""
	}
	return c.id.user
}

// Resolve returns c with the secret that its source gives now. Credentials without a source are returned
// as they are. The error is an *[Error] of [KindNoSecret].
func (c Credentials) Resolve(ctx context.Context) (Credentials, error) {
	if c.IsZero() || c.id.source == nil {
		return c, nil
	}
	secret, err := c.id.source(ctx)
	if err == nil {
		err = checkSecret(c.id.kind, secret)
	}
	tellWatch(ctx, err)
	if err != nil {
		return Credentials{}, &Error{Kind: KindNoSecret, Err: err}
	}
	id := *c.id
	id.hidden, id.source = &secret, nil
	return Credentials{&id}, nil
}

func withSecret(id identity) (Credentials, error) {
	if err := errors.Join(id.checkUser(), checkSecret(id.kind, id.secret())); err != nil {
		return Credentials{}, err
	}
	return Credentials{&id}, nil
}

func withSource(id identity) (Credentials, error) {
	if err := id.checkUser(); err != nil {
		return Credentials{}, err
	}
	if id.source == nil {
		return Credentials{}, errors.New("credentials without a source of their secret")
	}
	return Credentials{&id}, nil
}

// withoutSecret checks what goes to the server beside a secret.
func withoutSecret(id identity) (Credentials, error) {
	if strings.Contains(id.user+id.authorizationID, "\x00") {
		return Credentials{}, errors.New("NUL in an identity (RFC 4422 section 3.4.1)")
	}
	return Credentials{&id}, nil
}

func (id *identity) checkUser() error {
	user := id.user
	if user == "" && id.kind != token {
		return errors.New("credentials without a user name")
	}
	// XOAUTH2 has no way to quote its separator.
	if strings.ContainsAny(user, "\x00\x01") {
		return errors.New("NUL or SOH in a user name (RFC 4616 section 2)")
	}
	return nil
}

// checkSecret never tells the secret.
func checkSecret(k kind, secret string) error {
	switch {
	case secret == "" && k == token:
		return errors.New("credentials without a token")
	case secret == "":
		return errors.New("credentials without a password")
	case k == token && strings.ContainsFunc(secret, func(r rune) bool { return r <= ' ' || r > '~' }):
		return errors.New("a token has visible ASCII characters only (RFC 6750 section 2.1)")
	case strings.Contains(secret, "\x00"):
		return errors.New("NUL in a password (RFC 4616 section 2)")
	}
	return nil
}

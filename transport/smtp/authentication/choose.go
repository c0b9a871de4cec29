package authentication

import (
	"fmt"
	"slices"
	"strings"
)

// method is a mechanism that this package has, for credentials of one kind.
type method struct {
	name string
	kind kind
	// acts says that the mechanism has a place for an identity to act as.
	acts bool
	make func(*identity, Session) Mechanism
}

// methods are ordered from the strongest to the weakest. CRAM-MD5 is before PLAIN, because it at least
// keeps the password from a server that does not have it.
var methods = []method{
	{"SCRAM-SHA-512-PLUS", password, true, newScramPlus(sha512)},
	{"SCRAM-SHA-256-PLUS", password, true, newScramPlus(sha256)},
	{"SCRAM-SHA-1-PLUS", password, true, newScramPlus(sha1)},
	{"SCRAM-SHA-512", password, true, newScram(sha512)},
	{"SCRAM-SHA-256", password, true, newScram(sha256)},
	{"SCRAM-SHA-1", password, true, newScram(sha1)},
	{"CRAM-MD5", password, false, newCramMD5},
	{"PLAIN", password, true, newPlain},
	{"LOGIN", password, false, newLogin},
	{"OAUTHBEARER", token, false, newOAuthBearer},
	{"XOAUTH2", token, false, newXOAuth2},
	{"EXTERNAL", external, true, newExternal},
	{"ANONYMOUS", anonymous, false, newAnonymous},
}

// names returns what the identity can use, from the strongest to the weakest.
func (id *identity) names() (names []string) {
	for _, m := range methods {
		if m.kind == id.kind {
			names = append(names, m.name)
		}
	}
	return names
}

// all makes the mechanisms that the identity can use, whatever the server offers, from the strongest to
// the weakest.
func (id *identity) all(s Session) (list []Mechanism) {
	for _, make := range id.makers {
		if made := make(s); made != nil { // nil: not over this connection
			list = append(list, made)
		}
	}
	for _, m := range methods {
		if m.kind == id.kind && slices.Contains(s.Offered, m.name) && (m.acts || id.authorizationID == "") {
			if made := m.make(id, s); made != nil { // nil: not over this connection
				list = append(list, made)
			}
		}
	}
	return slices.DeleteFunc(list, func(m Mechanism) bool {
		return len(id.only) > 0 && !slices.Contains(id.only, m.Name())
	})
}

// Choose returns the mechanisms that c can use, that the server offers and that may run on the
// connection, from the strongest to the weakest; at least one. The error is an *[Error] of
// [KindNotOffered], [KindNoMechanism] or [KindNeedsTLS]. Credentials with a source must be resolved first.
func Choose(c Credentials, s Session) ([]Mechanism, error) {
	if len(s.Offered) == 0 || c.IsZero() {
		return nil, &Error{Kind: KindNotOffered}
	}
	var list []Mechanism
	var inClear Mechanism // the weakest that has to have TLS
	for _, m := range c.id.all(s) {
		switch {
		case !slices.Contains(s.Offered, m.Name()):
		case c.id.hasSecret() && s.TLS == nil && !s.Insecure:
			inClear = m
		default:
			list = append(list, m)
		}
	}
	switch {
	case len(list) > 0:
		return list, nil
	case inClear != nil && inClear.Plaintext():
		return nil, &Error{Kind: KindNeedsTLS, Mechanism: inClear.Name()}
	case inClear != nil:
		return nil, &Error{Kind: KindNeedsTLS, Mechanism: inClear.Name(), Err: errGuess}
	}
	return nil, &Error{Kind: KindNoMechanism, Err: offers(s.Offered)}
}

// errGuess is why a mechanism that does not show the password is not used in clear either.
const errGuess = reason("a listener can try passwords against what it says")

// hasSecret reports whether a login gives an attacker who reads it something to log in with, or to guess it by: all but a
// certificate's owner and an anonymous user do.
func (id *identity) hasSecret() bool { return id.kind != external && id.kind != anonymous }

// offers tells what a server offers, which may be anything.
func offers(names []string) error {
	const limit = 200
	text := strings.Join(names, " ")
	if len(text) > limit {
		text = text[:limit] + "..."
	}
	return fmt.Errorf("the server offers %q", text)
}
